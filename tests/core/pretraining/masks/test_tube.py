"""Tests of the tube mask."""

import numpy as np
import pytest
from keras import ops

from layerlock.core.pretraining.masks import TubeMask
from tests.compiled import parametrize_compiler
from tests.reference import hashing as reference

GRID = (4, 5, 6)


@parametrize_compiler
@pytest.mark.parametrize("ratio", [0.5, 0.9])
def test_the_tokens_are_those_of_the_reference_in_every_mode(run, ratio):
    mask = TubeMask(ratio)

    [(visible, hidden)] = run(lambda b: mask(3, GRID, 11, b), 17)

    expected = reference.tube_mask(3, GRID, ratio, 11, 17)
    np.testing.assert_array_equal(visible, expected[0])
    np.testing.assert_array_equal(hidden, expected[1])
    assert visible.dtype == hidden.dtype == "int32"


def test_the_same_cells_are_hidden_in_every_frame():
    [(_, hidden)] = TubeMask(0.8)(5, GRID, seed=1, batch_index=2)

    for tokens in ops.convert_to_numpy(hidden):
        cells = [set(tokens[tokens // 30 == frame] % 30) for frame in range(4)]
        assert len(cells[0]) == 24
        assert cells[0] == cells[1] == cells[2] == cells[3]


def test_every_cell_is_hidden_in_the_right_share_of_the_clips():
    num_clips = 4000

    [(_, hidden)] = TubeMask(0.8)(num_clips, GRID, 0, 0)

    shares = np.bincount(ops.convert_to_numpy(hidden).ravel() % 30)
    shares = shares / (4 * num_clips)
    np.testing.assert_allclose(
        shares, 0.8, atol=4.5 * np.sqrt(0.8 * 0.2 / num_clips)
    )


def test_a_prefix_of_the_hidden_tokens_spreads_over_frames_and_cells():
    num_clips = 2000

    [(_, hidden)] = TubeMask(0.8)(num_clips, GRID, 0, 0)

    prefix = ops.convert_to_numpy(hidden)[:, :24]  # a quarter of them
    shares = np.bincount(prefix.ravel(), minlength=120) / num_clips
    np.testing.assert_allclose(
        shares, 0.2, atol=4.5 * np.sqrt(0.2 * 0.8 / num_clips)
    )


def test_every_nth_visible_token_is_of_any_frame():
    """Measurements take every fourth of four frames, for example."""
    [(visible, _)] = TubeMask(0.8)(50, GRID, seed=1, batch_index=2)

    frames = ops.convert_to_numpy(visible)[:, ::4] // 30

    assert set(frames.ravel()) == {0, 1, 2, 3}
