import numpy as np
import pytest

from layerlock.models.interpolation import cubic_interpolation, interpolation


@pytest.mark.parametrize("function", [interpolation, cubic_interpolation])
@pytest.mark.parametrize("old, new", [(1, 4), (4, 1), (3, 7), (8, 8)])
def test_interpolation_weights_sum_to_one(old, new, function):
    weights = function(old, new)

    assert weights.shape == (new, old)
    np.testing.assert_allclose(weights.sum(axis=1), 1)


@pytest.mark.parametrize("old, new", [(8, 16), (3, 7), (7, 3), (4, 4), (1, 2)])
def test_cubic_weights_are_those_of_jax(old, new):
    image = pytest.importorskip("jax.image")

    expected = image.resize(np.eye(old, dtype="float32"), (new, old), "cubic")

    actual = cubic_interpolation(old, new)
    np.testing.assert_allclose(actual, expected, atol=1e-6)
