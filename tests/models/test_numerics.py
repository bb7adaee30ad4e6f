"""The operations of the networks are their formulas, in either precision."""

import keras
import numpy as np
import pytest
from keras import ops
from scipy import special

from layerlock.models import numerics

# Of results of about 1, in units of the last place or so.
TOLERANCES = {"float32": 2e-6, "float64": 1e-14}


@pytest.fixture(params=sorted(TOLERANCES))
def dtype(request):
    if request.param == "float32" or keras.backend.backend() != "jax":
        yield request.param
        return
    import jax

    jax.config.update("jax_enable_x64", True)
    yield request.param
    jax.config.update("jax_enable_x64", False)


def draw(*shapes):
    rng = np.random.default_rng(0)
    return [rng.normal(size=shape) for shape in shapes]


def check(function, formula, arrays, dtype):
    tensors = [ops.convert_to_tensor(array, dtype) for array in arrays]

    found = function(*tensors)

    assert keras.backend.standardize_dtype(found.dtype) == dtype
    np.testing.assert_allclose(
        ops.convert_to_numpy(found),
        formula(*(array.astype(dtype).astype("float64") for array in arrays)),
        rtol=0,
        atol=10 * TOLERANCES[dtype],
    )


def test_linear(dtype):
    arrays = draw((6, 5), (5, 3), (3,))
    check(numerics.linear, lambda x, k, b: x @ k + b, arrays, dtype)


def test_gelu_is_the_exact_one(dtype):
    check(numerics.gelu, lambda x: x * special.ndtr(x), draw((50,)), dtype)


def test_layer_normalization(dtype):
    def formula(x, gamma, beta):
        away = x - x.mean(-1, keepdims=True)
        variance = (away**2).mean(-1, keepdims=True)
        return away / np.sqrt(variance + 1e-3) * gamma + beta

    def function(x, gamma, beta):
        return numerics.layer_normalization(x, gamma, beta, 1e-3)

    check(function, formula, draw((2, 4, 8), (8,), (8,)), dtype)


def test_attention(dtype):
    def formula(query, key, value):
        logits = np.einsum("bqhd,bkhd->bhqk", query, key) / np.sqrt(4)
        weights = special.softmax(logits, axis=-1)
        return np.einsum("bhqk,bkhd->bqhd", weights, value)

    arrays = draw((2, 3, 2, 4), (2, 5, 2, 4), (2, 5, 2, 4))
    check(numerics.attention, formula, arrays, dtype)


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [("float64", "float64"), ("float32", "float32"), ("bfloat16", "float32")],
)
def test_at_least_float32(dtype, expected):
    assert numerics.at_least_float32(dtype) == expected
