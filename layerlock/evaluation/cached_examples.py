"""Examples that are read once and kept in memory."""

import math

import numpy as np

from layerlock.evaluation.task import Examples


class CachedExamples(Examples):
    """Some examples, evenly spread, kept in memory once they are read.

    Args:
        examples: the `Examples`.
        count: int, how many of them. Defaults to all.
        max_views: int, views of each, the first ones. Defaults to all.
        max_bytes: float, no more is kept than this. Defaults to no limit.
    """

    def __init__(
        self,
        examples,
        count: int | None = None,
        max_views: int | None = None,
        max_bytes: float = math.inf,
    ):
        count = min(count or len(examples), len(examples))
        chosen = np.linspace(0, len(examples) - 1, count)
        self.examples = examples
        self.chosen = np.unique(chosen.round().astype(int))
        self.max_views = max_views
        self.bytes_left = max_bytes
        self.read = {}

    def __len__(self):
        return len(self.chosen)

    def __getitem__(self, index):
        if index in self.read:
            return self.read[index]
        views, target = self.examples[int(self.chosen[index])]
        views = views[: self.max_views]
        size = views.nbytes + target.nbytes
        if size <= self.bytes_left:
            self.bytes_left -= size
            self.read[index] = views, target
        return views, target

    def name(self, index):
        return self.examples.name(int(self.chosen[index]))

    def group(self, index):
        return self.examples.group(int(self.chosen[index]))
