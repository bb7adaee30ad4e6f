"""Numbers are functions of seed, stream and counters."""

import numpy as np
import pytest

from layerlock.data import randomness


def draw(*arguments):
    return randomness.generator(*arguments).random(4)


def test_equal_arguments_give_equal_numbers():
    assert np.array_equal(draw(3, 1, 7, 2), draw(3, 1, 7, 2))
    assert np.array_equal(draw(3, 1), draw(3, 1, 0, 0))


@pytest.mark.parametrize(
    "other", [(4, 1, 7, 2), (3, 2, 7, 2), (3, 1, 8, 2), (3, 1, 7, 3)]
)
def test_each_argument_matters(other):
    assert not np.isin(draw(3, 1, 7, 2), draw(*other)).any()


def test_neighbouring_counters_share_no_numbers():
    # A counter in the low words would only shift the sequence.
    first, second = (
        randomness.generator(0, 0, index).random(10_000) for index in (0, 1)
    )
    assert not np.isin(first, second).any()


def test_seeds_beyond_a_word_are_taken():
    assert np.isfinite(draw(2**70, 0)).all()


def test_a_third_counter_is_refused():
    with pytest.raises(ValueError, match="At most two counters"):
        randomness.generator(0, 0, 1, 2, 3)
