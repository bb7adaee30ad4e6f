"""What every mask must do. A new file in the folder is found."""

import json

import keras
import numpy as np
import pytest
from keras import ops

from layerlock import plugins
from layerlock.core.pretraining import masks
from tests.compiled import parametrize_compiler
from tests.marks import thorough_on

GRID = (4, 8, 8)
NUM_TOKENS = 4 * 8 * 8


@pytest.fixture(params=plugins.names("layerlock.core.pretraining.masks"))
def mask(request):
    return masks.get(request.param)


def draw(mask, batch_size=5, grid=GRID, seed=3, batch_index=7):
    return keras.tree.map_structure(
        ops.convert_to_numpy, mask(batch_size, grid, seed, batch_index)
    )


@thorough_on("jax")
@pytest.mark.parametrize("grid", [GRID, (8, 14, 14), (2, 9, 7)])
def test_visible_and_hidden_tokens_are_disjoint_and_in_range(mask, grid):
    for visible, hidden in draw(mask, grid=grid):
        for row in np.concatenate([visible, hidden], axis=1):
            assert len(set(row)) == len(row)
            assert 0 <= row.min() and row.max() < np.prod(grid)


@pytest.mark.parametrize("grid", [GRID, (8, 14, 14), (2, 9, 7)])
def test_the_counts_are_known_before_anything_is_drawn(mask, grid):
    counts = mask.counts(grid)

    pairs = draw(mask, grid=grid)

    assert len(counts) == len(pairs)
    for (num_visible, num_hidden), (visible, hidden) in zip(
        counts, pairs, strict=True
    ):
        assert type(num_visible) is type(num_hidden) is int
        assert visible.shape == (5, num_visible)
        assert hidden.shape == (5, num_hidden)
        assert visible.dtype == hidden.dtype == "int32"


@thorough_on("tensorflow")
@parametrize_compiler
def test_every_way_to_run_it_draws_the_same(mask, run):
    compiled = run(lambda batch: mask(5, GRID, 3, batch), 7)

    keras.tree.map_structure(
        np.testing.assert_array_equal, compiled, draw(mask)
    )


def test_the_same_call_draws_the_same_again(mask):
    first = draw(mask)
    draw(mask, seed=4)

    keras.tree.map_structure(np.testing.assert_array_equal, draw(mask), first)


@pytest.mark.parametrize("other", [{"seed": 4}, {"batch_index": 8}])
def test_other_seeds_and_batches_draw_something_else(mask, other):
    for (visible, _), (changed, _) in zip(
        draw(mask), draw(mask, **other), strict=True
    ):
        assert (np.sort(visible) != np.sort(changed)).any()


def test_the_clips_of_a_batch_are_masked_differently(mask):
    for visible, _ in draw(mask):
        assert len({tuple(sorted(row)) for row in visible}) > 1


def test_a_prefix_of_the_hidden_tokens_reaches_every_frame(mask):
    for _, hidden in draw(mask, batch_size=64):
        frames = hidden[:, : hidden.shape[1] // 4] // (NUM_TOKENS // 4)
        counts = np.bincount(frames.ravel(), minlength=4)
        assert counts.min() > 0.8 * counts.mean()


def test_it_survives_serialisation(mask):
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(mask)))

    copy = masks.get(config)

    assert type(copy) is type(mask)
    assert repr(copy) == repr(mask)
    keras.tree.map_structure(
        np.testing.assert_array_equal, draw(copy), draw(mask)
    )


def test_its_arguments_can_be_typed(mask):
    text = ",".join(
        f"{name}={value!r}" for name, value in mask.get_config().items()
    )

    arguments = plugins.parse_arguments(text, type(mask))

    assert repr(type(mask)(**arguments)) == repr(mask)
