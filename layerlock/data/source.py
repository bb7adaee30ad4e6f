"""The contract of a source of clips."""

import abc

import numpy as np


class VideoSource(abc.ABC):
    """Clips and their labels, by index.

    `source[i]` is a pure function of the source's arguments and of `i`: no
    state, the same clip in every process. Any `i >= 0` is allowed; `len`
    clips make an epoch. A source can be pickled, since worker processes read
    from copies of it.

    A subclass implements `__len__` and `__getitem__`, and takes `frames`,
    `size` and `seed`. It overrides `clip` where labels cost time, and
    `fixed` where `source[i]` is a random draw.

    Attributes:
        default_frames: int, of a clip, where nobody asks for a number.
        default_size: int, likewise, in pixels; `None` for what suits the
            encoder.
        default_workers: int, processes that should read clips; 0 for threads,
            where a clip costs less than handing it over.

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

    @abc.abstractmethod
    def __len__(self) -> int:
        """Returns the number of clips in an epoch."""

    @abc.abstractmethod
    def __getitem__(self, index: int) -> tuple[np.ndarray, dict]:
        """Returns clip `index` and its labels.

        The clip is uint8 of shape `(frames, height, width, 3)`. Labels are
        a dict of ints and arrays, empty where there are none.
        """

    def clip(self, index: int) -> np.ndarray:
        """Returns clip `index` without its labels."""
        return self[index][0]

    def fixed(self, index: int) -> tuple[np.ndarray, dict]:
        """Returns clip `index` and its labels with nothing drawn at random.

        What is measured on clips uses it: it takes the middle of a video and
        the centre of its frames, whatever the seed.
        """
        return self[index]

    def name(self, index: int) -> str:
        """Returns what a person calls clip `index`."""
        return f"clip {index}"

    @property
    def class_names(self) -> dict[str, list[str]]:
        """The names of the classes of each integer label."""
        return {}

    def describe_files(self) -> dict | None:
        """Returns the files that clips come from; `None` if from none.

        Plain values, which a run keeps. Passed as `files`, they make a source
        of the same clips. Among them `num_files`, `unreadable_files` and
        `short_clips`, which are counts, and `files` and `unreadable`, lists
        with the `path` of each, and for the second the `reason`.
        """
        return None


def check_geometry(frames: int, size: int):
    """Raises if a clip of `frames` images of `size` pixels makes no sense."""
    for name, value in (("frames", frames), ("size", size)):
        if isinstance(value, bool) or int(value) != value or value < 1:
            raise ValueError(
                f"`{name}` must be a whole number of at least 1. "
                f"Received: {name}={value!r}."
            )
