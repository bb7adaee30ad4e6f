"""Examples that are kept in memory are those that were read."""

import numpy as np
import pytest

from layerlock.evaluation.cached_examples import CachedExamples
from tests.evaluation import toys


class Counted(toys.Planted):
    reads = 0

    def __getitem__(self, index):
        self.reads += 1
        return super().__getitem__(index)


@pytest.fixture
def examples():
    return Counted(9, 0, dense=False, views=2)


def test_examples_are_read_once_as_far_as_they_fit(examples):
    size = sum(part.nbytes for part in examples[1])
    kept = CachedExamples(examples, max_bytes=2 * size)

    examples.reads = 0
    for index in (1, 2, 4, 1, 2, 4):
        found = kept[index][0]
        np.testing.assert_array_equal(
            found, toys.Planted.__getitem__(examples, index)[0]
        )

    assert examples.reads == 4  # two are kept, the third is read twice


def test_some_examples_are_evenly_spread(examples):
    few = CachedExamples(examples, count=3, max_views=1)

    assert [few.name(index) for index in range(len(few))] == [
        "example 0",
        "example 4",
        "example 8",
    ]
    assert few[1][0].shape[0] == 1


def test_no_more_are_chosen_than_there_are(examples):
    assert len(CachedExamples(examples, count=50)) == 9
