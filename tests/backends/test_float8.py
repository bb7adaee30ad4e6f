"""Products of float8 numbers beside those of NumPy."""

import keras
import ml_dtypes
import numpy as np
import pytest

from layerlock import backends
from layerlock.backends import float8

VALUES, GRADIENTS = ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2
ROUNDING = 2**-6  # of bfloat16, some times

multiplies_float8 = pytest.mark.skipif(
    bool(backends.unsupported(float8=True)), reason="the backend has none"
)


def rounded(x, dtype):
    scale = np.float32(np.abs(x).max() / float(ml_dtypes.finfo(dtype).max))
    return (x / scale).astype(dtype).astype("float32") * scale


def half(x):
    return x.astype(ml_dtypes.bfloat16).astype("float32")


def draw(rng, rows, inputs, outputs):
    shapes = (rows, inputs), (inputs, outputs), (outputs,), (rows, outputs)
    return [half(rng.normal(size=shape)) for shape in shapes]


def product(x, kernel, bias):
    return numpy(backends.linear_float8(*map(tensor, (x, kernel, bias))))


def gradients(arguments, weights):
    """Of the sum of the outputs times `weights`."""
    values, weights = [*map(tensor, arguments)], tensor(weights)
    if keras.backend.backend() == "torch":
        for value in values:
            value.requires_grad_()
        (backends.linear_float8(*values) * weights).sum().backward()
        return [numpy(value.grad) for value in values]
    import jax

    def loss(values):
        return (backends.linear_float8(*values) * weights).sum()

    return [numpy(found) for found in jax.grad(loss)(values)]


def tensor(x):
    return keras.ops.convert_to_tensor(x, "bfloat16")


def numpy(x):
    return keras.ops.convert_to_numpy(keras.ops.cast(x, "float32"))


def assert_close(found, expected):
    assert np.abs(found - expected).max() <= ROUNDING * np.abs(expected).max()


@multiplies_float8
@pytest.mark.parametrize("rows", [16, 21])
def test_products_and_gradients_are_those_of_rounded_numbers(rows):
    rng = np.random.default_rng(0)
    x, kernel, bias, weights = draw(rng, rows, 32, 48)
    weights *= 1e-4  # gradients are small

    output = product(x, kernel, bias)
    of_x, of_kernel, of_bias = gradients((x, kernel, bias), weights)

    x, kernel = rounded(x, VALUES), rounded(kernel, VALUES)
    assert_close(output, x @ kernel + bias)
    assert_close(of_bias, half(weights).sum(axis=0))
    weights = rounded(half(weights), GRADIENTS)
    assert_close(of_x, weights @ kernel.T)
    assert_close(of_kernel, x.T @ weights)


@multiplies_float8
def test_eight_bits_are_fewer_than_sixteen():
    rng = np.random.default_rng(0)
    x, kernel, bias, _ = draw(rng, 16, 32, 48)

    exact = x @ kernel + bias
    errors = [
        np.abs(product(x, kernel, bias) - exact).max(),
        np.abs(half(exact) - exact).max(),
    ]

    assert errors[0] > 4 * errors[1]


@multiplies_float8
@pytest.mark.parametrize("scale", [2.0**-60, 2.0**60])
def test_scales_follow_the_numbers(scale):
    x, kernel, bias, _ = draw(np.random.default_rng(0), 16, 32, 48)

    found = product(x * np.float32(scale), kernel, 0 * bias) / scale

    assert_close(found, rounded(x, VALUES) @ rounded(kernel, VALUES))


@multiplies_float8
def test_zeros_give_the_bias_and_nan_stays():
    x, kernel, bias, _ = draw(np.random.default_rng(0), 16, 32, 48)
    broken = x.copy()
    broken[3, 5] = np.nan

    nothing = product(0 * x, kernel, bias)
    assert np.array_equal(nothing, np.broadcast_to(bias, nothing.shape))
    assert np.isnan(product(broken, kernel, bias)).all()


def test_a_backend_without_float8_says_so():
    reason = backends.unsupported(float8=True)
    x = keras.ops.ones((16, 16), "bfloat16")
    if reason:
        assert "KERAS_BACKEND" in reason
        with pytest.raises(NotImplementedError, match="mixed_bfloat16"):
            backends.linear_float8(x, x, x[0])
    else:
        assert backends.linear_float8(x, x, x[0]).shape == (16, 16)


@pytest.mark.parametrize("capability", [None, (8, 9), (9, 0), (10, 0)])
def test_new_gpus_and_cpus_are_not_refused(capability):
    assert float8.refuse(capability) is None


def test_an_old_gpu_is_refused_with_its_number():
    assert "8.9 or more" in float8.refuse((8, 0))
    assert "This one has 8.0." in float8.refuse((8, 0))
