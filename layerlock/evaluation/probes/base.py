"""The contract of a probe."""

import abc

import numpy as np

from layerlock.evaluation import scores


class Probe(abc.ABC):
    """Learns a task from frozen features, and answers for new ones.

    Attributes:
        is_dense: bool, whether it can say something at every pixel.
        trials: list of dict, every setting tried and its validation score.
        on_trial: function of each new trial, to show it, or `None`.
    """

    is_dense = False
    trials: list[dict]
    on_trial = None

    @abc.abstractmethod
    def fit(self, train, validation, task):
        """Learns from one split; chooses its settings by the other.

        Args:
            train: `Features` with targets.
            validation: likewise.
            task: the `Task`.
        """

    @abc.abstractmethod
    def answer(self, values) -> np.ndarray:
        """Answers for some examples; the mean over their views.

        Args:
            values: their features. Shape `(examples, views, frames, rows,
                columns, dim)`.

        Returns:
            Scores `(examples, classes)`, or depths `(examples, frames,
            height, width)`.
        """

    def check(self, width: int) -> None:
        """Raises a `ValueError` unless features of a width can be read."""
        return None

    def attention(self, features) -> np.ndarray | None:
        """Returns where it looks, if it can tell.

        Args:
            features: Shape `(examples, frames, rows, columns, dim)`.

        Returns:
            Shape `(examples, frames, rows, columns)`, or `None`.
        """
        return None

    def get_config(self) -> dict:
        """Returns plain values, for the record."""
        return {}


def choose(candidates, task, on_trial=None) -> tuple:
    """Returns the best of several, by their scores on a validation split.

    Args:
        candidates: iterable of (settings, fitted, scores), the latter as
            `scores.score` returns them.
        task: the `Task`.
        on_trial: function of each new trial. Defaults to `None`.

    Returns:
        The fitted one that is best, and a list of settings with their scores.

    Raises:
        ValueError: if no candidate answered with numbers.
    """
    metric, more_is_better = next(iter(scores.metrics(task).items()))
    best, trials = None, []
    for settings, fitted, found in candidates:
        value = scores.mean(found[metric])
        trials.append({**settings, metric: value})
        if on_trial is not None:
            on_trial(trials[-1])
        rank = value if more_is_better else -value
        if np.isfinite(rank) and (best is None or rank > best[0]):
            best = rank, fitted
    if best is None:
        raise ValueError(
            "The answers on the validation split are no numbers, or no depth "
            f"of it is known. Tried: {trials}. Lower the learning rates."
        )
    return best[1], trials


def positive(name: str, values, kind=float) -> tuple:
    """Returns a tuple of positive numbers, of one number too.

    Args:
        name: str, what they are called.
        values: a number, or a sequence of some.
        kind: `float` or `int`. Defaults to `float`.

    Raises:
        ValueError: if one is not positive, or none is there.

    Example:

    >>> positive("rates", 1e-3), positive("counts", [5, 10], int)
    ((0.001,), (5, 10))
    """
    several = values if isinstance(values, (tuple, list)) else (values,)
    numbers = (int,) if kind is int else (int, float)
    if not several or not all(
        isinstance(value, numbers) and value > 0 for value in several
    ):
        example = "(5, 20)" if kind is int else "(1e-3, 3e-3)"
        raise ValueError(
            f"`{name}` must be positive numbers such as {example}. "
            f"Received: {name}={values!r}."
        )
    return tuple(kind(value) for value in several)
