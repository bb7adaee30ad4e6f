"""Examples that are read once and cached in memory."""

import math

import numpy as np

from layerlock.evaluation.task import Examples


class CachedExamples(Examples):
    """A subset of examples, evenly spread and cached in memory.

    Args:
        examples: the `Examples`.
        count: int, number of examples. Defaults to all.
        max_views: int, number of first views of each. Defaults to all.
        max_bytes: float, limit of the cache. Defaults to no limit.
    """

    def __init__(
        self,
        examples,
        count: int | None = None,
        max_views: int | None = None,
        max_bytes: float = math.inf,
    ):
        count = min(count or len(examples), len(examples))
        indices = np.linspace(0, len(examples) - 1, count)
        self.examples = examples
        self.indices = np.unique(indices.round().astype(int))
        self.max_views = max_views
        self.bytes_left = max_bytes
        self.cache = {}

    def __len__(self):
        return len(self.indices)

    def __getitem__(self, index):
        if index in self.cache:
            return self.cache[index]
        views, target = self.examples[int(self.indices[index])]
        views = views[: self.max_views]
        size = views.nbytes + target.nbytes
        if size <= self.bytes_left:
            self.bytes_left -= size
            self.cache[index] = views, target
        return views, target

    def name(self, index):
        return self.examples.name(int(self.indices[index]))

    def group(self, index):
        return self.examples.group(int(self.indices[index]))
