"""Linear maps in float8 beside NumPy, and the networks that use them."""

import keras
import ml_dtypes
import numpy as np
import pytest

from layerlock import backends
from layerlock.models.float8 import Float8Policy
from layerlock.models.numerics import linear
from layerlock.models.transformer import TransformerBlock
from layerlock.models.video_encoder import VideoEncoder
from tests.models import networks

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
    return numpy(linear(*map(tensor, (x, kernel, bias)), float8=True))


def gradients(arguments, weights):
    """Of the sum of the outputs times `weights`."""
    values, weights = [*map(tensor, arguments)], tensor(weights)
    if keras.backend.backend() == "torch":
        for value in values:
            value.requires_grad_()
        (linear(*values, float8=True) * weights).sum().backward()
        return [numpy(value.grad) for value in values]
    import jax

    def loss(values):
        return (linear(*values, float8=True) * weights).sum()

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


@multiplies_float8
@pytest.mark.parametrize("remat", ["none", "attention", "blocks"])
@pytest.mark.parametrize("queries", [None, 3])
def test_a_block_is_near_the_one_in_bfloat16(remat, queries):
    tokens = np.random.default_rng(0).normal(size=(2, 8, 32)).astype("float32")
    found = []
    for dtype in ("mixed_bfloat16", Float8Policy()):
        keras.utils.set_random_seed(0)
        block = TransformerBlock(2, 32, 64, remat=remat, dtype=dtype)
        found.append(numpy(block(tokens, queries=queries)))

    error = np.abs(found[0] - found[1]).max() / np.abs(found[0]).max()
    assert 1e-3 < error < 0.1


@multiplies_float8
def test_blocks_of_encoder_and_predictor_have_the_policy():
    encoder = networks.small_encoder(dtype=Float8Policy())
    again = VideoEncoder.from_config(encoder.get_config())

    for one in (encoder, again):
        assert isinstance(one.dtype_policy, Float8Policy)
        assert all(isinstance(b.dtype_policy, Float8Policy) for b in one.blocks)


@multiplies_float8
def test_an_exported_encoder_computes_in_bfloat16(tmp_path):
    encoder = networks.small_encoder(dtype=Float8Policy())

    encoder.save_to_preset(tmp_path / "exported")
    again = VideoEncoder.from_preset(tmp_path / "exported")

    assert type(again.dtype_policy) is keras.DTypePolicy
    assert again.dtype_policy.name == "mixed_bfloat16"


def test_other_names_are_refused():
    with pytest.raises(ValueError, match="mixed_float16"):
        Float8Policy("mixed_float16")


def test_a_backend_without_float8_says_so():
    reason = backends.unsupported(float8=True)
    x = keras.ops.ones((16, 16), "bfloat16")
    if reason:
        assert "KERAS_BACKEND" in reason
        with pytest.raises(NotImplementedError, match="mixed_bfloat16"):
            linear(x, x, x[0], float8=True)
    else:
        assert linear(x, x, x[0], float8=True).shape == (16, 16)
