"""Tests of the multi-block mask."""

import numpy as np
import pytest
from keras import ops

from layerlock.core.pretraining.masks import MultiBlockMask
from tests.compiled import parametrize_compiler
from tests.marks import thorough_on
from tests.reference import multiblock as reference

PAPER_GRID = (8, 14, 14)


def draw(mask, batch_size, grid, seed=0, batch_index=0):
    return [
        tuple(map(ops.convert_to_numpy, pair))
        for pair in mask(batch_size, grid, seed, batch_index)
    ]


def sizes(mask, grid):
    return [mask._sizes(share, *grid[1:]) for _, share in mask.blocks]


@parametrize_compiler
@pytest.mark.parametrize("grid", [(4, 4, 4), (2, 5, 8)])
def test_the_tokens_are_those_of_the_reference_in_every_mode(run, grid):
    mask = MultiBlockMask()

    drawn = run(lambda batch: mask(6, grid, 2**40 + 5, batch), 17)

    expected = reference.multiblock_masks(
        6,
        grid,
        mask.blocks,
        sizes(mask, grid),
        mask.counts(grid),
        2**40 + 5,
        17,
    )
    for pair, expected_pair in zip(drawn, expected, strict=True):
        for tokens, expected_tokens in zip(pair, expected_pair, strict=True):
            np.testing.assert_array_equal(tokens, expected_tokens)
            assert tokens.dtype == "int32"


def test_there_are_many_small_and_few_large_blocks():
    small, large = MultiBlockMask().counts(PAPER_GRID)

    assert small[0] > large[0]
    # V-JEPA hides about 90 % of a clip from the encoder.
    seen = (small[0] + large[0]) / 2 / np.prod(PAPER_GRID)
    assert 0.1 < seen < 0.25


@pytest.mark.parametrize("kind", [0, 1])
def test_the_blocks_cover_as_much_as_those_of_the_paper(kind):
    _, rows, columns = PAPER_GRID
    mask = MultiBlockMask()
    number, share = mask.blocks[kind]
    random = np.random.default_rng(0)

    theirs = [
        reference.vjepa_union(random, rows, columns, number, share, (0.75, 1.5))
        for _ in range(2000)
    ]
    ours = _covered(mask, kind, 2000, rows, columns)

    assert ours.mean() == pytest.approx(np.mean(theirs), abs=0.02)
    assert np.quantile(ours.mean(axis=1), 0.9) == pytest.approx(
        np.quantile(np.mean(theirs, axis=(1, 2)), 0.9), abs=0.03
    )


@pytest.mark.parametrize(("kind", "share"), [(0, 0.15), (1, 0.7)])
def test_a_block_has_the_area_and_the_aspect_of_the_paper(kind, share):
    _, rows, columns = PAPER_GRID

    found = np.array(sizes(MultiBlockMask(), PAPER_GRID)[kind])

    areas = found.prod(axis=1) / (rows * columns)
    assert areas.mean() == pytest.approx(share, abs=0.01)
    aspects = found[:, 0] / found[:, 1]
    assert aspects.mean() == pytest.approx((0.75 + 1.5) / 2, abs=0.05)


def _covered(mask, kind, batch_size, rows, columns):
    """Which cells are covered: those that are never visible are."""
    from layerlock.core.pretraining.masks import _hashing, multiblock

    number, share = mask.blocks[kind]
    keys = _hashing.permutation_keys(
        batch_size, 3 * number, 0, 0, 10 + 3 * kind
    )
    covered = multiblock._cover(
        keys, mask._sizes(share, rows, columns), rows, columns
    )
    return ops.convert_to_numpy(covered)


def test_the_hidden_tokens_are_the_same_cells_in_all_frames():
    # With one block, few enough tokens are left out to see the rectangle.
    mask = MultiBlockMask(blocks=((1, 0.3),), aspect_ratio=(1.0, 1.0))

    [(_, hidden)] = draw(mask, 20, (6, 10, 10))

    for tokens in hidden:
        cells = tokens % 100
        assert len(set(cells)) == len(cells) / 6
        rows, columns = np.divmod(np.unique(cells), 10)
        assert np.ptp(rows) == np.ptp(columns) == 4  # 5 x 5 of 100 cells


@thorough_on("jax")
def test_nine_of_ten_clips_keep_every_visible_token_outside_of_the_blocks():
    _, rows, columns = PAPER_GRID
    mask = MultiBlockMask()
    [(visible, _), _] = draw(mask, 500, PAPER_GRID)

    covered = _covered(mask, 0, 500, rows, columns)

    inside = np.take_along_axis(covered, visible % (rows * columns), axis=1)
    assert 0.85 < np.mean(inside.sum(axis=1) == 0) < 0.95


@thorough_on("jax")
def test_a_prefix_spreads_over_all_that_a_clip_with_small_blocks_hides():
    _, rows, columns = PAPER_GRID
    mask = MultiBlockMask()
    [(_, hidden), _] = draw(mask, 1000, PAPER_GRID)
    covered = _covered(mask, 0, 1000, rows, columns)

    short = covered.sum(axis=1) * PAPER_GRID[0] < hidden.shape[1]
    inside = np.take_along_axis(covered, hidden % (rows * columns), axis=1)

    prefix = inside[short, : hidden.shape[1] // 10]
    assert 0.02 < short.mean() < 0.15
    assert prefix.mean() == pytest.approx(inside[short].mean(), abs=0.02)


def test_no_clip_is_left_without_a_visible_token():
    for num_visible, _ in MultiBlockMask(blocks=((9, 0.9),)).counts((4, 4, 4)):
        assert num_visible == 4


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"blocks": ()}, "blocks=()"),
        ({"blocks": (8, 0.15)}, "blocks="),
        ({"blocks": ((0, 0.15),)}, "blocks="),
        ({"blocks": ((8.5, 0.15),)}, "blocks="),
        ({"blocks": ((8, 1.5),)}, "blocks="),
        ({"aspect_ratio": (1.5, 0.75)}, "aspect_ratio="),
        ({"aspect_ratio": (1.0, float("inf"))}, "aspect_ratio="),
        ({"aspect_ratio": 1.0}, "aspect_ratio="),
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments, named):
    with pytest.raises(ValueError, match="Received") as refused:
        MultiBlockMask(**arguments)
    assert named in str(refused.value)
