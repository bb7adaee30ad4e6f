"""The contract of a task that frozen features are judged by."""

import abc

import numpy as np

SPLITS = ("train", "validation", "test")
_NUM_NAMED = 5


class Examples(abc.ABC):
    """The clips of one split, and what is true of each.

    `examples[i]` is a pure function of `i`: features are computed once.
    """

    @abc.abstractmethod
    def __len__(self) -> int:
        """Returns the number of examples."""

    @abc.abstractmethod
    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns the views of an example and its target.

        Views are uint8 of shape `(views, frames, height, width, 3)`, as many
        for every example of a split; what is predicted for them is averaged.
        A target is the index of a class, or the depth of every pixel,
        float32 `(frames, height, width)`, NaN where it is not known.
        """

    def name(self, index: int) -> str:
        """Returns what a person calls an example."""
        return f"example {index}"

    def group(self, index: int):
        """Returns what an example shares with those that are like it.

        How sure a mean is depends on the number of groups, such as rooms, and
        not on how many clips of each there are.
        """
        return index


class Task(abc.ABC):
    """What frozen features are asked, and on which clips.

    A subclass takes `frames` and `size`, the shape of its clips, and `seed`.

    Attributes:
        class_names: list of str, the classes; `None` for a task that asks for
            the depth of every pixel.
        frames: int, of a clip.
        size: int, height and width of a clip, in pixels.
        problems: list of str, what is wrong with the data, one sentence each.

    Example:

    >>> from layerlock import evaluation
    >>> task = evaluation.get("scenes_motion", num_test=10)
    >>> views, target = task.examples("test")[3]
    >>> views.shape, task.class_names[target]
    ((1, 8, 32, 32, 3), 'up')
    """

    class_names: list[str] | None = None
    problems: tuple[str, ...] = ()

    @abc.abstractmethod
    def examples(self, split: str) -> Examples:
        """Returns the clips of `"train"`, `"validation"` or `"test"`."""

    @abc.abstractmethod
    def get_config(self) -> dict:
        """Returns plain values that the examples are a function of."""

    @property
    def is_dense(self) -> bool:
        """Whether the task asks for a value at every pixel."""
        return self.class_names is None


def name_some(what: str, names) -> list[str]:
    """One sentence that counts and names what is wrong; none without names.

    >>> name_some("videos have no label", ["b.mp4", "a.mp4"])
    ['2 videos have no label: a.mp4, b.mp4.']
    """
    names = sorted(names)
    if not names:
        return []
    shown = ", ".join(map(str, names[:_NUM_NAMED]))
    others = len(names) - _NUM_NAMED
    more = f" and {others} more" if others > 0 else ""
    return [f"{len(names)} {what}: {shown}{more}."]


def check_split(split: str):
    """Raises unless `split` is the name of a split."""
    if split not in SPLITS:
        raise ValueError(
            f"Unknown split {split!r}. Expected one of {list(SPLITS)}."
        )
