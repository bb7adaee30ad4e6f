"""What holds for every mask, whatever its arguments and the grid."""

import math

import numpy as np
import pytest

pytest.importorskip("hypothesis")

from hypothesis import assume, given, strategies as st
from keras import ops

from layerlock.core.pretraining.masks.multiblock import MultiBlockMask
from layerlock.core.pretraining.masks.random import RandomMask
from layerlock.core.pretraining.masks.tube import TubeMask
from tests.fuzz.properties import examples
from tests.marks import thorough_on

GRIDS = st.tuples(st.integers(1, 4), st.integers(2, 8), st.integers(2, 8))
RATIOS = st.floats(0.05, 0.95)
BLOCKS = st.lists(
    st.tuples(st.integers(1, 4), st.floats(0.05, 0.9)), min_size=1, max_size=2
)
MASKS = st.one_of(
    st.builds(RandomMask, RATIOS),
    st.builds(TubeMask, RATIOS),
    st.builds(MultiBlockMask, BLOCKS),
)
# JAX compiles each shape: few of them, and any seed.
SOME_GRIDS = st.sampled_from([(2, 3, 5), (3, 8, 8)])
SOME_MASKS = st.sampled_from(
    [RandomMask(0.4), TubeMask(0.9), MultiBlockMask([(2, 0.3), (3, 0.1)])]
)
SEEDS = st.integers(0, 2**64 - 1)


def counts_of(mask, grid):
    """The counts; a grid that is too small for a ratio is refused."""
    try:
        mask.validate(grid)
    except ValueError as error:
        assert "hides" in str(error)
        assume(False)
    return mask.counts(grid)


def draw(mask, grid, seed, batch=3):
    return [
        tuple(ops.convert_to_numpy(part) for part in pair)
        for pair in mask(2, grid, seed, batch)
    ]


@examples(60)
@given(MASKS, GRIDS)
def test_counts_are_inside_of_the_grid(mask, grid):
    for visible, hidden in counts_of(mask, grid):
        assert visible >= 1 and hidden >= 1
        assert visible + hidden <= math.prod(grid)


@thorough_on("jax")
@examples(12)
@given(SOME_MASKS, SOME_GRIDS, SEEDS)
def test_no_token_is_both_visible_and_hidden(mask, grid, seed):
    counts = mask.counts(grid)

    pairs = draw(mask, grid, seed)

    for (visible, hidden), pair in zip(counts, pairs, strict=True):
        assert [part.shape for part in pair] == [(2, visible), (2, hidden)]
        for row in np.concatenate(pair, axis=1):
            assert len(set(row.tolist())) == len(row)
            assert 0 <= row.min() and row.max() < math.prod(grid)


@examples(8)
@given(SOME_MASKS, SOME_GRIDS, SEEDS)
def test_a_seed_draws_the_same_again(mask, grid, seed):
    first, second = (draw(mask, grid, seed) for _ in "ab")

    for one, two in zip(first, second, strict=True):
        np.testing.assert_array_equal(one[0], two[0])
        np.testing.assert_array_equal(one[1], two[1])
