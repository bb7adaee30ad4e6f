"""The base class of sources that read videos of a list of files."""

import abc
import json
import os

from layerlock import json_files
from layerlock.data import decoding, framing, lists, randomness, streams
from layerlock.data.files import FileList
from layerlock.data.names import readable
from layerlock.data.source import VideoSource

_MAX_ATTEMPTS = 10
_MAX_FACT = 1e9  # seconds, frames per second or pixels
_DRAW = 0  # stream of random numbers


class VideoFiles(VideoSource):
    """Random clips of videos, each of which has a position in a `FileList`.

    A subclass finds the videos and returns the content of each.

    Attributes:
        files: the `FileList`.
    """

    def __init__(
        self,
        path,
        frames: int = 16,
        size: int = 64,
        seed: int = 0,
        fps: float | None = None,
        scale: tuple[float, float] = (0.3, 1.0),
        aspect: tuple[float, float] = (0.75, 4 / 3),
        flip: float = 0.5,
        files=None,
        cache=None,
        progress=None,
        failures=None,
        sampling: str = "rate",
    ):
        self.framing = framing.Framing(
            frames, size, fps, scale, aspect, flip, sampling
        )
        self.frames = frames
        self.size = size
        self.seed = seed
        self.failures = failures and os.path.abspath(failures)
        self.files = self._list_files(path, files, cache, progress)

    @abc.abstractmethod
    def _list_files(self, path, files, cache, progress) -> FileList:
        """Returns the videos at a path, or those of `files`."""

    @abc.abstractmethod
    def _content(self, position: int):
        """Returns a video as a path or as bytes, for `decoding`."""

    def __len__(self):
        return len(self.files)

    def __getitem__(self, index):
        position, clip = self._read(index, self.view)
        return clip, self._labels(position)

    def clip(self, index):
        """Returns clip `index` without its labels."""
        return self._read(index, self.view)[1]

    def fixed(self, index):
        """Returns the middle of a video and its labels, without randomness."""
        position, clip = self._read(index, self._central)
        return clip, self._labels(position)

    def name(self, index):
        """Returns the path of the video of clip `index`, to be read."""
        position = self.files.readable(index % len(self))
        return readable(self.files.relative(position))

    @property
    def class_names(self):
        """The labels of a list, or the sub-folders if all videos have one."""
        names = list(map(readable, self.files.class_names))
        return {"class": names} if names else {}

    def describe_files(self):
        """Returns the videos, the unreadable ones, and counts.

        `replaced_clips` and `short_clips` are per epoch. `failed_reads` counts
        failed reads of videos that had passed the check; `failures` lists
        them.
        """
        positions = [self.files.readable(index) for index in range(len(self))]
        facts = [
            self.files.results[position]
            for position in positions
            if not lists.is_still(self.files.paths[position])
        ]
        return {
            "num_files": len(self),
            "unreadable_files": len(self.files.bad),
            "replaced_clips": len(self) - len(self.files.good),
            "short_clips": sum(map(self.framing.is_short, facts)),
            "failed_reads": _count_lines(self.failures),
            **self.files.to_json(),
        }

    def _read(self, index, choose):
        """Returns a position and a clip of its video, with view `choose`."""
        if index < 0:
            raise IndexError(f"`index` must be at least 0. Received: {index}.")
        position = self.files.readable(index % len(self))
        for attempt in range(1, _MAX_ATTEMPTS + 1):
            path = self.files.paths[position]
            view = choose(self.files.results[position], index)
            try:
                content = self._content(position)
                clip = decoding.read_view(content, view, self.size)
                return position, clip
            except streams.DecodingError as error:
                self._log_failure(index, path, str(error))
            position = self.files.another(self.seed, index, attempt)
        raise streams.DecodingError(
            f"{_MAX_ATTEMPTS} videos in a row could not be read. The last: "
            f"{readable(path)}. Check that the disk is still mounted."
        )

    def view(self, facts, index):
        """Returns the `View` of clip `index`.

        Args:
            facts: `Facts` of the video.
            index: int.
        """
        return self.framing.random_view(
            facts, randomness.generator(self.seed, _DRAW, index)
        )

    def _central(self, facts, index):
        return self.framing.central_view(facts)

    def _labels(self, position):
        label = self.files.class_of(position)
        return {} if label is None else {"class": label}

    def _log_failure(self, index, path, reason):
        """Appends a line to `failures`, in one atomic write."""
        if self.failures is None:
            return
        line = json.dumps({"index": index, "path": path, "reason": reason})
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        handle = os.open(self.failures, flags, 0o666)
        try:
            os.write(handle, line.encode() + b"\n")
        finally:
            os.close(handle)


def restored(known) -> FileList:
    """The list of files of a run, checked: it may have been changed."""
    try:
        checked = FileList.from_json(known)
        has_facts = all(
            isinstance(result, str) or _is_sound(result)
            for result in checked.results
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(
            f"The list of files of a run is damaged: {error!r}. Expected what "
            "files.json of the run directory held at its start: restore it."
        ) from error
    if not has_facts or not checked.good:
        raise ValueError(
            "The list of files of a run is damaged: durations, rates or sizes "
            "of its videos make no sense, or it has no video. Expected what "
            "files.json of the run directory held at its start: restore it."
        )
    return checked


def _is_sound(facts) -> bool:
    """Whether the facts of a video can be used."""
    numbers = (facts.duration, facts.fps, facts.width, facts.height)
    return (
        all(map(json_files.is_number, (*numbers, facts.rotation, facts.begin)))
        and all(0 < number < _MAX_FACT for number in numbers)
        and abs(facts.begin) < _MAX_FACT
        and facts.rotation in (0, 90, 180, 270)
    )


def _count_lines(path) -> int:
    """Counts distinct lines: a clip that is read again fails again."""
    try:
        with open(path or os.devnull, "rb") as file:
            return len(set(file))
    except FileNotFoundError:
        return 0
