"""Tests of the random mask."""

import numpy as np
import pytest
from keras import ops

from layerlock.core.pretraining.masks import RandomMask
from tests.compiled import parametrize_compiler
from tests.reference import hashing as reference

GRID = (4, 5, 6)


@parametrize_compiler
@pytest.mark.parametrize("ratio", [0.5, 0.75, 0.95])
def test_the_tokens_are_those_of_the_reference_in_every_mode(run, ratio):
    mask = RandomMask(ratio)

    [(visible, hidden)] = run(lambda b: mask(3, GRID, 11, b), 17)

    expected = reference.random_mask(3, GRID, ratio, 11, 17)
    np.testing.assert_array_equal(visible, expected[0])
    np.testing.assert_array_equal(hidden, expected[1])
    assert visible.dtype == hidden.dtype == "int32"


def test_the_papers_clip_keeps_78_tokens():
    assert RandomMask().counts((8, 14, 14)) == [(78, 1568 - 78)]


def test_every_token_is_hidden_in_the_right_share_of_the_clips():
    num_clips, num_tokens = 4000, 120

    [(_, hidden)] = RandomMask(0.75)(num_clips, GRID, 0, 0)

    shares = np.bincount(ops.convert_to_numpy(hidden).ravel()) / num_clips
    deviation = np.sqrt(0.75 * 0.25 / num_clips)
    assert len(shares) == num_tokens
    np.testing.assert_allclose(shares, 0.75, atol=4.5 * deviation)


def test_a_prefix_of_the_hidden_tokens_is_a_random_subset():
    num_clips = 4000

    [(_, hidden)] = RandomMask(0.75)(num_clips, GRID, 0, 0)

    prefix = ops.convert_to_numpy(hidden)[:, :30]
    shares = np.bincount(prefix.ravel()) / num_clips
    deviation = np.sqrt(0.25 * 0.75 / num_clips)
    np.testing.assert_allclose(shares, 0.25, atol=4.5 * deviation)
