"""What targets are normalised by, against NumPy."""

import keras
import numpy as np
import pytest
from keras import ops

from layerlock.core.normalization import denormalize, normalize

VALUES = np.random.default_rng(0).normal(3, 2, (4, 5, 16)).astype("float32")


def test_vectors_get_mean_0_and_variance_1():
    ours = ops.convert_to_numpy(normalize(VALUES))
    centred = VALUES - VALUES.mean(-1, keepdims=True)
    variance = np.square(centred).mean(-1, keepdims=True)

    np.testing.assert_allclose(
        ours, centred / np.sqrt(variance + 1e-6), rtol=1e-4, atol=1e-5
    )


def test_what_is_constant_becomes_0():
    ours = ops.convert_to_numpy(normalize(np.full((2, 8), 7.0, "float32")))
    assert np.array_equal(ours, np.zeros((2, 8)))


def test_a_perfect_prediction_gives_the_values_back():
    back = ops.convert_to_numpy(denormalize(normalize(VALUES), VALUES))
    np.testing.assert_allclose(back, VALUES, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_the_result_is_at_least_float32(dtype):
    normalized = normalize(ops.cast(VALUES, dtype))
    assert keras.backend.standardize_dtype(normalized.dtype) == "float32"
