"""The operations that every backend can use against NumPy."""

from math import erf

import keras
import numpy as np
import pytest

from layerlock import backends
from layerlock.backends import keras_ops


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def tensor(array):
    return keras.ops.convert_to_tensor(array, "float32")


def close(found, expected):
    found = keras.ops.convert_to_numpy(found)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_linear_is_a_product_and_a_sum(rng):
    x, kernel, bias = (rng.normal(size=s) for s in ((5, 3), (3, 4), (4,)))

    found = keras_ops.linear(*map(tensor, (x, kernel, bias)))

    close(found, x @ kernel + bias)


def test_gelu_is_the_exact_one():
    x = np.linspace(-4, 4, 17)

    found = keras_ops.gelu(tensor(x))

    close(found, [0.5 * v * (1 + erf(v / np.sqrt(2))) for v in x])


def test_layer_normalization_standardises_the_last_axis(rng):
    x = 5 + 3 * rng.normal(size=(2, 3, 8))
    gamma, beta = rng.normal(size=(2, 8))

    found = keras_ops.layer_normalization(
        *map(tensor, (x, gamma, beta)), epsilon=1e-6
    )

    mean, std = (f(x, axis=-1, keepdims=True) for f in (np.mean, np.std))
    close(found, (x - mean) / std * gamma + beta)


def test_reshape_keeps_the_order(rng):
    x = rng.normal(size=(2, 6))

    close(keras_ops.reshape(tensor(x), (3, 4)), x.reshape(3, 4))


def test_split_takes_sizes_and_not_places(rng):
    x = rng.normal(size=(2, 9))

    parts = keras_ops.split(tensor(x), (2, 3, 4), axis=1)

    for found, expected in zip(parts, np.split(x, [2, 5], 1), strict=True):
        close(found, expected)


def test_attention_is_a_softmax_over_the_keys(rng):
    query, key, value = rng.normal(size=(3, 2, 5, 4, 6))  # heads on axis 2

    found = keras_ops.attention(*map(tensor, (query, key, value)), scale=0.3)

    logits = 0.3 * np.einsum("bqhd,bkhd->bhqk", query, key)
    weights = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    close(found, np.einsum("bhqk,bkhd->bqhd", weights, value))


@pytest.mark.parametrize("head_dim", [104, 112])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_fewer_queries_than_keys_attend_with_heads_of_any_size(
    rng, head_dim, dtype
):
    query, key, value = (
        keras.ops.cast(tensor(rng.normal(size=(2, n, 4, head_dim))), dtype)
        for n in (3, 5, 5)
    )
    scale = head_dim**-0.5

    found = backends.attention(query, key, value, scale=scale)

    query, key, value = (
        keras.ops.convert_to_numpy(keras.ops.cast(x, "float32"))
        for x in (query, key, value)
    )
    logits = scale * np.einsum("bqhd,bkhd->bhqk", query, key)
    weights = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(keras.ops.cast(found, "float32")),
        np.einsum("bhqk,bkhd->bqhd", weights, value),
        atol=1e-5 if dtype == "float32" else 5e-2,
    )


def test_a_constant_has_the_precision_that_is_asked_for():
    found = keras_ops.constant([1, 2], "float32")

    assert keras.backend.standardize_dtype(found.dtype) == "float32"
    close(found, [1, 2])


def test_clips_stay_where_they_are():
    clips = np.zeros((1, 2, 4, 4, 3), "uint8")

    assert keras_ops.to_device(clips) is clips


def test_a_layer_is_called_as_a_layer(rng):
    layer = keras.layers.Dense(2)
    x = tensor(rng.normal(size=(3, 4)))

    close(keras_ops.call_layer(layer, x), keras.ops.convert_to_numpy(layer(x)))


def test_rows_are_taken_of_each_example(rng):
    x = rng.normal(size=(3, 5, 4))
    indices = rng.integers(0, 5, (3, 2))

    for take_rows in (keras_ops.take_rows, backends.take_rows):
        found = take_rows(tensor(x), keras.ops.cast(indices, "int32"))
        close(found, np.take_along_axis(x, indices[:, :, None], axis=1))


@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_rows_are_taken_of_a_matrix(rng, dtype):
    x = (9 * rng.normal(size=(5, 4))).astype(dtype)
    indices = rng.integers(0, 5, (3, 2)).astype("int32")

    for module in (keras_ops, backends):
        found = module.take(*map(keras.ops.convert_to_tensor, (x, indices)))
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(found), x[indices]
        )


def test_features_roll_and_products_are_added(rng):
    x, y, z = rng.normal(size=(3, 2, 5))

    for module in (keras_ops, backends):
        close(module.roll(tensor(x), 2), np.roll(x, 2, axis=-1))
        close(module.multiply_add(*map(tensor, (x, y, z))), x + y * z)


@pytest.mark.parametrize("bits", [1, 15, 31])
def test_zeros_come_in_where_bits_move_to_the_right(bits):
    x = np.array([0, 1, -1, 2**31 - 1, -(2**31), 123_456_789], "int32")

    for module in (keras_ops, backends):
        found = module.shift_right(keras.ops.convert_to_tensor(x), bits)
        assert keras.backend.standardize_dtype(found.dtype) == "int32"
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(found), x.view("uint32") >> bits
        )
