"""The base class of the three tasks on procedural clips."""

import numpy as np

from layerlock.data.sources.scenes import ScenesSource
from layerlock.evaluation.task import SPLITS, Examples, Task, check_split


class ScenesTask(Task):
    """Predicts one label of procedural clips.

    Args:
        frames: int, of a clip. Defaults to `8`.
        size: int, height and width of a clip. Defaults to `32`.
        seed: int, of the scenes. Defaults to `0`.
        num_train: int, training examples. Defaults to `8000`.
        num_validation: int, validation examples. Defaults to `1000`.
        num_test: int, test examples. Defaults to `2000`.
        single_frame: bool, whether to repeat the first frame, as a baseline
            without motion. Defaults to `False`.
    """

    label: str

    def __init__(
        self,
        frames: int = 8,
        size: int = 32,
        seed: int = 0,
        num_train: int = 8000,
        num_validation: int = 1000,
        num_test: int = 2000,
        single_frame: bool = False,
    ):
        self.frames = frames
        self.size = size
        self.seed = seed
        self.counts = {
            "train": num_train,
            "validation": num_validation,
            "test": num_test,
        }
        self.single_frame = single_frame

    def examples(self, split):
        check_split(split)
        source = ScenesSource(
            num_clips=self.counts[split],
            frames=self.frames,
            size=self.size,
            seed=self.seed,
            split=split,
        )
        return _SceneExamples(source, self.label, self.single_frame)

    def get_config(self):
        return {
            "frames": self.frames,
            "size": self.size,
            "seed": self.seed,
            **{f"num_{split}": self.counts[split] for split in SPLITS},
            "single_frame": self.single_frame,
        }


class _SceneExamples(Examples):
    def __init__(self, source, label, single_frame):
        self.source = source
        self.label = label
        self.single_frame = single_frame

    def __len__(self):
        return len(self.source)

    def __getitem__(self, index):
        clip, labels = self.source[index]
        target = np.asarray(labels[self.label])
        if self.single_frame:
            clip = clip[:1].repeat(len(clip), axis=0)
            if target.ndim:  # a map for each frame
                target = target[:1].repeat(len(target), axis=0)
        return clip[None], target

    def name(self, index):
        return self.source.name(index)
