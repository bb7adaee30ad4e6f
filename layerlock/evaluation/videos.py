"""The base class of tasks with labelled videos, for any layout on disk."""

import abc
import dataclasses
import hashlib
import os

from layerlock.data import scan
from layerlock.data.framing import Framing
from layerlock.data.names import readable
from layerlock.data.streams import Facts
from layerlock.evaluation import leaks
from layerlock.evaluation.splits import carve
from layerlock.evaluation.task import SPLITS, Task, check_split, name_some
from layerlock.evaluation.video_examples import VideoExamples


@dataclasses.dataclass(frozen=True)
class LabelledVideo:
    """A video, or a span of one, and its class.

    Attributes:
        path: the file.
        label: int, index of the class.
        span: first and last second; `None` for the whole video.
        original: path of the original of a trim; `None` for the file itself.
        group: str, of dependent videos, such as one person. Videos of one
            file, one original or the same content become of one group.
            Defaults to `None`.
    """

    path: str
    label: int
    span: tuple[float, float] | None = None
    original: str | None = None
    group: str | None = None


class VideoTask(Task):
    """Predicts the class of videos.

    A subclass sets `class_names` and implements `find_videos`. Groups of
    videos are kept in one split, and intervals count them as one sample.

    Training uses `train_views` random clips of each video; the test averages
    predictions over `test_clips` times `test_crops` views.

    With `sampling="whole"` the frames of a clip are spread over the whole
    video, or over its span: training takes a random frame of each of equal
    segments, validation their centres, and the clips of the test are shifted
    by equal parts of a segment, see `layerlock.data.framing.Framing`.

    Args:
        data: path of the folder.
        frames: int, of a clip. Defaults to `16`.
        size: int, height and width of a clip. Defaults to `224`.
        seed: int, of the random clips. Defaults to `0`.
        fps: frames per second of a clip, for `sampling="rate"`. Defaults to
            `None`: 8, or the rate of the video if it is lower.
        train_views: int. Defaults to `1`.
        test_clips: int. Defaults to `2`.
        test_crops: int. Defaults to `3`.
        cache: folder of the cache of readable videos; see `data.scan.scan`.
            Defaults to `None`.
        sampling: `"rate"` or `"whole"`. Defaults to `None`:
            `published_sampling`, or `"rate"` if there is none.

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
        sampling: str | None = None,
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
        if sampling is None:
            sampling = self.published_sampling or "rate"
        self.framing = Framing(
            frames,
            size,
            fps,
            scale=(0.5, 1.0),
            flip=self.flip,
            sampling=sampling,
        )
        if not os.path.isdir(self.data):
            raise ValueError(
                f"There is no folder at '{readable(self.data)}'. Expected "
                f"{self.layout}"
            )
        self.problems = []
        self._cache = cache
        self._results = {}
        splits = self._hold_out(self._separate(self.find_videos()))
        self.splits = {
            split: self._readable(split, splits.get(split, []))
            for split in SPLITS
        }

    # Expected content of the folder, for error messages.
    layout: str
    # Shares of the training videos for splits that `find_videos` lacks, in
    # this order, and whether they are shares of each class.
    held_out: dict[str, float] = {}
    held_out_by_class = False

    @abc.abstractmethod
    def find_videos(self) -> dict[str, list[LabelledVideo]]:
        """Returns the videos of the splits; may add `problems`."""

    def facts(self, paths) -> list[Facts | str]:
        """Returns what `data.scan.scan` says about files."""
        new = [path for path in paths if path not in self._results]
        results = scan.scan(new, cache=self._cache)
        self._results.update(zip(new, results, strict=True))
        return [self._results[path] for path in paths]

    def choose(self, paths_by_name: dict[str, list]) -> dict[str, str]:
        """Returns one of the files of each name, a readable one if any is.

        Files in a folder `replacement`, such as that of Kinetics-400, come
        first. The others are named in `problems`.
        """
        several = [
            path
            for paths in paths_by_name.values()
            for path in paths
            if len(paths) > 1
        ]
        self.facts(several)
        chosen = {
            name: min(paths, key=self._preference)
            for name, paths in paths_by_name.items()
        }
        self.add_problem(
            "videos have the name of another, which is read instead",
            map(self.relative, set(several) - set(chosen.values())),
        )
        return chosen

    def relative(self, path) -> str:
        """Returns the path of a file relative to the folder, to be read."""
        return readable(os.path.relpath(path, self.data))

    def examples(self, split):
        check_split(split)
        return VideoExamples(self, self.splits[split], split)

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

    def _preference(self, path):
        folders = self.relative(path).lower().split(os.sep)
        return (
            isinstance(self._results.get(path), str),
            not any(name.startswith("replacement") for name in folders),
            path,
        )

    def _separate(self, splits):
        """Sets groups, and leaves out what would be in two splits."""
        videos = [video for some in splits.values() for video in some]
        paths = list(dict.fromkeys(video.path for video in videos))
        facts = [
            path if isinstance(found, str) else repr(found)
            for path, found in zip(paths, self.facts(paths), strict=True)
        ]
        splits, problems = leaks.separate(
            splits, leaks.first_copies(paths, facts), self.relative
        )
        self.problems += problems
        return splits

    def _hold_out(self, splits):
        """Splits off the splits that `find_videos` did not return."""
        for split, part in self.held_out.items():
            if split in splits:
                continue
            splits["train"], splits[split] = carve(
                splits["train"],
                part,
                key=_stem,
                group=lambda video: video.group,
                stratum=lambda video: self.held_out_by_class and video.label,
            )
            if split == "test":
                labels = [
                    {video.label for video in splits[one]}
                    for one in ("train", "test")
                ]
                self.add_problem(
                    "classes have too few videos to test them",
                    [self.class_names[n] for n in labels[0] - labels[1]],
                )
        return splits

    def _readable(self, split, videos):
        if not videos:
            raise ValueError(
                f"No video of '{readable(self.data)}' is left for the {split} "
                "split. Add videos, at least three of each class, or use split "
                f"folders. Expected {self.layout}"
                + "".join(f" {problem}" for problem in self.problems)
            )
        results = self.facts([video.path for video in videos])
        pairs = list(zip(videos, results, strict=True))
        self.add_problem(
            f"videos of the {split} split cannot be read and are left out",
            [
                f"{self.relative(video.path)} ({reason})"
                for video, reason in pairs
                if isinstance(reason, str)
            ],
        )
        good = [pair for pair in pairs if not isinstance(pair[1], str)]
        late = [pair for pair in good if _is_late(*pair)]
        self.add_problem(
            f"videos of the {split} split end before their span begins and "
            "are left out",
            [self.relative(video.path) for video, _ in late],
        )
        good = [pair for pair in good if not _is_late(*pair)]
        if not good:
            raise ValueError(
                f"The {split} split has no video that can be read in "
                f"'{readable(self.data)}'. Expected {self.layout}"
                + "".join(f" {problem}" for problem in self.problems)
            )
        return good


def _is_late(video: LabelledVideo, facts: Facts) -> bool:
    """Whether the span begins after the end of the video."""
    return video.span is not None and video.span[0] >= facts.duration


def _stem(video: LabelledVideo) -> str:
    """The name of the original without its format, which sets the split."""
    path = video.original or video.path
    return os.path.splitext(os.path.basename(path))[0]


def _digest(videos) -> str:
    text = repr(
        [(dataclasses.astuple(video), facts) for video, facts in videos]
    )
    return hashlib.sha256(text.encode()).hexdigest()[:16]
