import numpy as np
import pytest

from layerlock.models.interpolation import interpolation


@pytest.mark.parametrize("old, new", [(1, 4), (4, 1), (3, 7), (8, 8)])
def test_interpolation_weights_sum_to_one(old, new):
    weights = interpolation(old, new)

    assert weights.shape == (new, old)
    np.testing.assert_allclose(weights.sum(axis=1), 1)
