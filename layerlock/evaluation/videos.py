"""The base class of tasks with labelled videos, for any layout on disk."""

import abc
import dataclasses
import hashlib
import os

import numpy as np

from layerlock.data import decoding, randomness, scan
from layerlock.data.framing import Framing
from layerlock.data.streams import Facts
from layerlock.evaluation.task import Examples, Task, check_split, name_some

_DRAW = 300  # stream of random numbers


@dataclasses.dataclass(frozen=True)
class LabelledVideo:
    """A video, or a span of one, and its class.

    Attributes:
        path: the file.
        label: int, index of the class.
        span: first and last second; `None` for the whole video.
        original: path of the original of a trim; `None` for the file itself.
    """

    path: str
    label: int
    span: tuple[float, float] | None = None
    original: str | None = None


class VideoTask(Task):
    """Predicts the class of videos.

    A subclass sets `class_names` and implements `find_videos`.

    Training uses `train_views` random clips of each video; the test averages
    predictions over `test_clips` times `test_crops` views.

    Args:
        data: path of the folder.
        frames: int, of a clip. Defaults to `16`.
        size: int, height and width of a clip. Defaults to `224`.
        seed: int, of the random clips. Defaults to `0`.
        fps: frames per second of a clip. Defaults to `None`: 8, or the rate of
            the video if it is lower.
        train_views: int. Defaults to `1`.
        test_clips: int. Defaults to `2`.
        test_crops: int. Defaults to `3`.
        cache: folder of the cache of readable videos; see `data.scan.scan`.
            Defaults to `None`.

    Raises:
        ValueError: if a split has no readable video.
    """

    flip = 0.0  # share of mirrored training clips

    def __init__(
        self,
        data,
        frames: int = 16,
        size: int = 224,
        seed: int = 0,
        fps: float | None = None,
        train_views: int = 1,
        test_clips: int = 2,
        test_crops: int = 3,
        cache=None,
    ):
        for name, number in (
            ("train_views", train_views),
            ("test_clips", test_clips),
            ("test_crops", test_crops),
        ):
            if not isinstance(number, int) or number < 1:
                raise ValueError(
                    f"`{name}` must be a whole number, at least 1. "
                    f"Received: {name}={number!r}."
                )
        self.data = os.path.abspath(os.path.expanduser(os.fspath(data)))
        self.frames = frames
        self.size = size
        self.seed = seed
        self.train_views = train_views
        self.test_views = (test_clips, test_crops)
        self.framing = Framing(
            frames, size, fps, scale=(0.5, 1.0), flip=self.flip
        )
        if not os.path.isdir(self.data):
            raise ValueError(
                f"There is no folder at {self.data!r}. Expected {self.layout}"
            )
        self.problems = []
        videos_by_split = self.find_videos()
        self.splits = {
            split: self._readable(split, videos, cache)
            for split, videos in videos_by_split.items()
        }

    # Expected content of the folder, for error messages.
    layout: str

    @abc.abstractmethod
    def find_videos(self) -> dict[str, list[LabelledVideo]]:
        """Returns the videos of every split; may add `problems`."""

    def examples(self, split):
        check_split(split)
        return VideoExamples(self, split)

    def get_config(self):
        framing = dataclasses.asdict(self.framing)
        for name in ("scale", "aspect"):
            framing[name] = list(framing[name])
        return {
            "data": self.data,
            "seed": self.seed,
            "framing": framing,
            "train_views": self.train_views,
            "test_views": list(self.test_views),
            "videos": {
                split: _digest(videos) for split, videos in self.splits.items()
            },
        }

    def add_problem(self, what: str, names):
        """Adds a sentence to `problems` if there are names."""
        self.problems += name_some(what, names)

    def _readable(self, split, videos, cache):
        if not videos:
            raise ValueError(
                f"No video of {self.data!r} is left for the {split} split. "
                "Add videos, at least three of each class, or use split "
                f"folders. Expected {self.layout}"
                + "".join(f" {problem}" for problem in self.problems)
            )
        results = scan.scan([video.path for video in videos], cache=cache)
        pairs = list(zip(videos, results, strict=True))
        self.add_problem(
            f"videos of the {split} split cannot be read and are left out",
            [
                f"{os.path.relpath(video.path, self.data)} ({reason})"
                for video, reason in pairs
                if isinstance(reason, str)
            ],
        )
        good = [pair for pair in pairs if not isinstance(pair[1], str)]
        late = [pair for pair in good if _is_late(*pair)]
        self.add_problem(
            f"videos of the {split} split end before their span begins and "
            "are left out",
            [os.path.relpath(video.path, self.data) for video, _ in late],
        )
        good = [pair for pair in good if not _is_late(*pair)]
        if not good:
            raise ValueError(
                f"The {split} split has no video that can be read in "
                f"{self.data!r}. Expected {self.layout}"
                + "".join(f" {problem}" for problem in self.problems)
            )
        return good


class VideoExamples(Examples):
    """Views of the videos of one split.

    Args:
        task: the `VideoTask`.
        split: str.
    """

    def __init__(self, task: VideoTask, split: str):
        self.task = task
        self.split = split
        self.videos: list[tuple[LabelledVideo, Facts]] = task.splits[split]

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
        return os.path.relpath(self.videos[index][0].path, self.task.data)

    def group(self, index):
        video, _ = self.videos[index]
        return video.original or video.path  # trims of a video are dependent

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


def _is_late(video: LabelledVideo, facts: Facts) -> bool:
    """Whether the span begins after the end of the video."""
    return video.span is not None and video.span[0] >= facts.duration


def share(name: str) -> float:
    """Returns a number in [0, 1) from a name, for reproducible splits."""
    digest = hashlib.sha256(name.encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def carve(videos: list, part: float, key) -> tuple[list, list]:
    """Splits a list of videos in two; each part gets at least one.

    Args:
        videos: list.
        part: float, share of the second list.
        key: function from a video to a name, which determines the split.
    """
    ranked = sorted(videos, key=lambda video: share(key(video)))
    count = min(max(1, round(part * len(ranked))), max(len(ranked) - 1, 0))
    return ranked[count:], ranked[:count]


def _digest(videos) -> str:
    text = repr(
        [(dataclasses.astuple(video), facts) for video, facts in videos]
    )
    return hashlib.sha256(text.encode()).hexdigest()[:16]
