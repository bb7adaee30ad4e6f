"""The base class of evaluation tasks."""

import abc

import numpy as np

from layerlock.data.names import readable

SPLITS = ("train", "validation", "test")
_NUM_NAMED = 5


class Examples(abc.ABC):
    """The clips of one split with their targets.

    `examples[i]` must be a pure function of `i`, because features are computed
    once.
    """

    @abc.abstractmethod
    def __len__(self) -> int:
        """Returns the number of examples."""

    @abc.abstractmethod
    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns the views of an example and its target.

        Views are uint8 of shape `(views, frames, height, width, 3)`, with the
        same number of views for all examples of a split. Predictions are
        averaged over views. A target is the index of a class, or the depth
        of every pixel, float32 `(frames, height, width)`, NaN if unknown.
        """

    def name(self, index: int) -> str:
        """Returns a readable name of an example."""
        return f"example {index}"

    def group(self, index: int):
        """Returns the group of an example, such as its room or its video.

        Examples of a group are dependent, so confidence intervals resample
        whole groups.
        """
        return index


class Task(abc.ABC):
    """An evaluation task: clips, and targets to predict from features.

    A subclass takes `frames` and `size`, the shape of its clips, and `seed`.

    Attributes:
        class_names: list of str, the classes; `None` for a task of depth.
        frames: int, of a clip.
        size: int, height and width of a clip, in pixels.
        problems: list of str, sentences about problems of the data.
        published_sampling: str, the `sampling` of the published protocol, see
            `layerlock.data.framing.Framing`; `None` if there is none.

    Example:

    >>> from layerlock import evaluation
    >>> task = evaluation.get("scenes_motion", num_test=10)
    >>> views, target = task.examples("test")[3]
    >>> views.shape, task.class_names[target]
    ((1, 8, 32, 32, 3), 'up')
    """

    class_names: list[str] | None = None
    problems: tuple[str, ...] = ()
    published_sampling: str | None = None

    @abc.abstractmethod
    def examples(self, split: str) -> Examples:
        """Returns the clips of `"train"`, `"validation"` or `"test"`."""

    @abc.abstractmethod
    def get_config(self) -> dict:
        """Returns plain values that determine the examples."""

    @property
    def is_dense(self) -> bool:
        """Whether the target has a value for every pixel."""
        return self.class_names is None


def name_some(what: str, names) -> list[str]:
    """Returns a sentence with the number and some names, if there are any.

    >>> name_some("videos have no label", ["b.mp4", "a.mp4"])
    ['2 videos have no label: a.mp4, b.mp4.']
    """
    names = sorted(names, key=str)
    if not names:
        return []
    shown = ", ".join(readable(str(name)) for name in names[:_NUM_NAMED])
    others = len(names) - _NUM_NAMED
    more = f" and {others} more" if others > 0 else ""
    return [f"{len(names)} {what}: {shown}{more}."]


def check_split(split: str):
    """Raises unless `split` is the name of a split."""
    if split not in SPLITS:
        raise ValueError(
            f"Unknown split {split!r}. Expected one of {list(SPLITS)}."
        )
