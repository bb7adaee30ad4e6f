"""Batches are full, and every example comes once in a round."""

import numpy as np
import pytest

from layerlock.data.streams import DecodingError
from layerlock.evaluation.features import Features
from layerlock.evaluation.random_batches import random_batches
from tests.evaluation import toys


def test_batches_are_full_and_draw_every_example_once():
    found = Features(toys.extract, toys.Planted(20, 0, dense=True))

    drawn = random_batches(found, 5, seed=1)

    depths = np.concatenate([next(drawn)[1] for _ in range(4)])
    assert sorted(depths[:, 0, 0, 0]) == sorted(
        found.examples.depths[:, 0, 0, 0]
    )
    brittle = Features(toys.extract, toys.Brittle(20, 0, dense=False))
    for (values, truth), _ in zip(
        random_batches(brittle, 20, seed=1), range(3), strict=False
    ):
        assert values.shape == (20, *toys.GRID, toys.DIM)
        assert truth.shape == (20,)
    assert len(brittle.problems) == 7


def test_drawing_from_what_has_become_unreadable_ends():
    broken = Features(toys.extract, toys.Brittle(1, 0, dense=False))
    with pytest.raises(DecodingError, match="it is broken"):
        next(random_batches(broken, 1, seed=0))


def test_what_a_round_leaves_begins_the_next_batch():
    found = Features(toys.extract, toys.Planted(10, 0, dense=True))
    drawn = random_batches(found, 4, seed=1)

    depths = np.concatenate([next(drawn)[1] for _ in range(5)])

    _, counts = np.unique(depths[:, 0, 0, 0], return_counts=True)
    assert counts.tolist() == [2] * 10


def test_unreadable_examples_are_passed_over():
    found = Features(toys.extract, toys.Brittle(7, 0, dense=False))
    drawn = random_batches(found, 1, seed=0)

    classes = [int(next(drawn)[1][0]) for _ in range(8)]

    readable = [found.examples.classes[i] for i in range(7) if i % 3]
    assert sorted(classes) == sorted(2 * readable)
