"""The clips that a task sees of its videos."""

import numpy as np

from layerlock.data import decoding, randomness
from layerlock.evaluation.task import Examples

_DRAW = 300  # stream of random numbers


class VideoExamples(Examples):
    """Views of the videos of one split.

    Args:
        task: the `VideoTask`.
        videos: list of pairs of a `LabelledVideo` and its `Facts`.
        split: str.
    """

    def __init__(self, task, videos: list, split: str):
        self.task = task
        self.videos = videos
        self.split = split

    def __len__(self):
        return len(self.videos)

    def __getitem__(self, index):
        video, facts = self.videos[index]
        clips = [
            decoding.read_view(video.path, view, self.task.size)
            for view in self._views(index, video, facts)
        ]
        return np.stack(clips), np.asarray(video.label)

    def name(self, index):
        return self.task.relative(self.videos[index][0].path)

    def group(self, index):
        return self.videos[index][0].group

    def _views(self, index, video, facts):
        framing = self.task.framing
        if self.split == "test":
            return framing.spread(facts, *self.task.test_views, video.span)
        if self.split == "validation":
            return [framing.central_view(facts, video.span)]
        return [
            framing.random_view(
                facts,
                randomness.generator(self.task.seed, _DRAW, index, view),
                video.span,
            )
            for view in range(self.task.train_views)
        ]
