"""The base class of sources of clips."""

import abc

import numpy as np


class VideoSource(abc.ABC):
    """Clips and their labels, by index.

    `source[i]` is a pure function of the source's arguments and of `i`, without
    state, the same in every process. Any `i >= 0` is allowed; `len` is the
    number of clips of an epoch. A source can be pickled, because worker
    processes use copies of it.

    A subclass implements `__len__` and `__getitem__`, and takes `frames`,
    `size` and `seed`. It overrides `clip` if labels take time, and
    `fixed` if `source[i]` is random.

    Attributes:
        default_frames: int, default number of frames of a clip.
        default_size: int, default height and width, in pixels; `None` for
            the size of the encoder's clips.
        default_workers: int, default number of reading processes; 0 reads in
            a thread, if a clip takes less time than its transfer.
        is_ordered: bool, whether training reads the clips by their index. By
            default it shuffles those of each epoch.

    Example:

    >>> from layerlock import data
    >>> source = data.get("scenes", frames=8, size=32)
    >>> clip, labels = source[0]
    >>> clip.shape, clip.dtype
    ((8, 32, 32, 3), dtype('uint8'))
    >>> sorted(labels)
    ['appearance', 'depth', 'motion']
    """

    default_frames = 16
    default_size: int | None = None
    default_workers = 2
    is_ordered = False

    @abc.abstractmethod
    def __len__(self) -> int:
        """Returns the number of clips in an epoch."""

    @abc.abstractmethod
    def __getitem__(self, index: int) -> tuple[np.ndarray, dict]:
        """Returns clip `index` and its labels.

        The clip is uint8 of shape `(frames, height, width, 3)`. Labels are
        a dict of ints and arrays, which may be empty.
        """

    def clip(self, index: int) -> np.ndarray:
        """Returns clip `index` without its labels."""
        return self[index][0]

    def fixed(self, index: int) -> tuple[np.ndarray, dict]:
        """Returns clip `index` and its labels without randomness.

        Measurements use it: it returns the middle of a video and the centre
        of its frames for any seed.
        """
        return self[index]

    def name(self, index: int) -> str:
        """Returns a readable name of clip `index`."""
        return f"clip {index}"

    @property
    def class_names(self) -> dict[str, list[str]]:
        """The names of the classes of each integer label."""
        return {}

    def describe_files(self) -> dict | None:
        """Returns the files of the clips, or `None` without files.

        Plain values, which a run stores. Passed as `files`, they give a source
        of the same clips. They include the counts `num_files`,
        `unreadable_files` and `short_clips`, and the lists `files` and
        `unreadable`, with the `path` of each file and the `reason` if it is
        unreadable.
        """
        return None


def check_geometry(frames: int, size: int):
    """Raises unless `frames` and `size` are at least 1."""
    for name, value in (("frames", frames), ("size", size)):
        if isinstance(value, bool) or int(value) != value or value < 1:
            raise ValueError(
                f"`{name}` must be a whole number of at least 1. "
                f"Received: {name}={value!r}."
            )
