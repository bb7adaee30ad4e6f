"""The tokens whose outputs are computed."""

import keras
import numpy as np
import pytest

from layerlock.models import queries
from tests.models import networks


def chosen(x, which):
    return networks.numpy(
        queries.select(x, *queries.number_and_indices(which, x))
    )


def test_queries_are_the_last_ones_or_have_indices():
    x = np.arange(24.0, dtype="float32").reshape(2, 4, 3)
    indices = np.int32([[3, 0], [1, 1]])

    assert np.array_equal(chosen(x, None), x)
    assert np.array_equal(chosen(x, 3), x[:, 1:])
    expected = np.take_along_axis(x, indices[..., None], axis=1)
    found = chosen(*map(keras.ops.convert_to_tensor, (x, indices)))
    assert np.array_equal(found, expected)


@pytest.mark.parametrize("number", [0, 13, -1])
def test_a_number_of_queries_that_there_are_not_is_refused(number):
    with pytest.raises(ValueError, match=f"queries={number}"):
        chosen(np.zeros((2, 12, 42), "float32"), number)
