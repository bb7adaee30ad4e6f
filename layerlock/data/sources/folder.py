"""Clips from a folder, a glob or a list of videos."""

import json
import os

from layerlock import json_files
from layerlock.data import decoding, files, framing, randomness, streams
from layerlock.data.names import readable
from layerlock.data.source import VideoSource

_MAX_ATTEMPTS = 10
_MAX_FACT = 1e9  # seconds, frames per second or pixels
_DRAW = 0  # stream of random numbers


class FolderSource(VideoSource):
    """Random clips of videos, with labels of a list or of sub-folders.

    Clip `i` comes from video `i % len(source)`: `frames` frames at `fps`, with
    a random start, a random crop and random mirroring. `fixed` has no
    randomness: it returns the middle of the video and the largest central
    square.

    Unreadable videos are detected at the start and replaced by other videos,
    and so are videos that fail later. If a video is shorter than the clip, its
    last frame is repeated.

    Labels of `source[i]`: `class`, an index into `class_names["class"]`, if a
    list has labels or all videos are in sub-folders; else none.

    Args:
        path: a folder, which is searched with its sub-folders; a glob; a
            `.txt` or `.csv` list, see `lists.read`; or one video.
        frames: int, of a clip. Defaults to `16`.
        size: int, height and width of a clip, in pixels. Defaults to `64`.
        seed: int. Defaults to `0`.
        fps: frames per second of a clip. Defaults to `None`: 8, or the rate of
            the video if it is lower.
        scale: minimum and maximum area of a crop, as a share of the frame,
            before it is limited to the frame. Defaults to `(0.3, 1.0)`.
        aspect: minimum and maximum aspect ratio (width over height) of a
            crop. Defaults to `(0.75, 4 / 3)`.
        flip: share of clips that are mirrored. Defaults to `0.5`.
        files: a `FileList`, or the result of its `to_json`, instead of a
            search of `path`. Defaults to `None`.
        cache: folder of the cache of readable videos, `None` for the user's
            cache, `False` for none. Defaults to `None`.
        progress: function of the number of checked videos and the number of
            all videos.
        failures: path of a file to which every process appends its failed
            reads, as lines of JSON. Defaults to `None`.

    Example:

    ```python
    source = FolderSource("/videos", frames=16, size=224, fps=8)
    clip, labels = source[0]  # clip: uint8 (16, 224, 224, 3)
    ```
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
    ):
        self.framing = framing.Framing(frames, size, fps, scale, aspect, flip)
        self.frames = frames
        self.size = size
        self.seed = seed
        self.failures = failures and os.path.abspath(failures)
        self.files = _file_list(path, files, cache, progress)

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
        facts = [self.files.results[position] for position in positions]
        return {
            "num_files": len(self),
            "unreadable_files": len(self.files.bad),
            "replaced_clips": len(self) - len(self.files.good),
            "short_clips": sum(
                one.duration - one.begin < self.framing.length(one)
                for one in facts
            ),
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
                return position, decoding.read_view(path, view, self.size)
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


def _file_list(path, known, cache, progress):
    if isinstance(known, files.FileList):
        return known
    if known is not None:
        return _restored(known)
    return files.list_files(path, cache, progress)


def _restored(known):
    """The list of files of a run, checked: it may have been changed."""
    try:
        restored = files.FileList.from_json(known)
        has_facts = all(
            isinstance(result, str) or _is_sound(result)
            for result in restored.results
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(
            f"The list of files of a run is damaged: {error!r}. Expected what "
            "files.json of the run directory held at its start: restore it."
        ) from error
    if not has_facts or not restored.good:
        raise ValueError(
            "The list of files of a run is damaged: durations, rates or sizes "
            "of its videos make no sense, or it has no video. Expected what "
            "files.json of the run directory held at its start: restore it."
        )
    return restored


def _is_sound(facts) -> bool:
    """Whether the facts of a video can be used."""
    numbers = (facts.duration, facts.fps, facts.width, facts.height)
    return (
        all(map(json_files.is_number, (*numbers, facts.rotation)))
        and all(0 < number < _MAX_FACT for number in numbers)
        and facts.rotation in (0, 90, 180, 270)
    )


def _count_lines(path) -> int:
    """Counts distinct lines: a clip that is read again fails again."""
    try:
        with open(path or os.devnull, "rb") as file:
            return len(set(file))
    except FileNotFoundError:
        return 0
