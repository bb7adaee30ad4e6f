"""The base class of probes."""

import abc

import numpy as np

from layerlock.evaluation import scores


class Probe(abc.ABC):
    """Learns a task from frozen features, and predicts it for new ones.

    Attributes:
        is_dense: bool, whether it can predict a value for every pixel.
        trials: list of dict, all tried settings and their validation scores.
        on_trial: function of each new trial, or `None`.
        note: str, what a user should know once it is fitted.
        trained_on: str, name of the features that it was trained on before;
            `None` if it was not.
        callbacks: sequence of `keras.callbacks.Callback`s of the first
            training; `None`: it is not trained by gradient descent.
    """

    is_dense = False
    trials: list[dict]
    on_trial = None
    note = ""
    trained_on = None
    callbacks = None

    @abc.abstractmethod
    def fit(self, train, validation, task):
        """Fits on one split; chooses settings on the other.

        Args:
            train: `Features` with targets.
            validation: likewise.
            task: the `Task`.
        """

    @abc.abstractmethod
    def answer(self, values) -> np.ndarray:
        """Predicts examples; averages over their views.

        Args:
            values: features of the examples. Shape `(examples, views, frames,
                rows, columns, dim)`.

        Returns:
            Scores `(examples, classes)`, or depths `(examples, frames,
            height, width)`.
        """

    def check(self, width: int) -> None:
        """Raises a `ValueError` unless features of a width can be read."""
        return None

    def attention(self, features) -> np.ndarray | None:
        """Returns an attention map, if the probe has one.

        Args:
            features: Shape `(examples, frames, rows, columns, dim)`.

        Returns:
            Shape `(examples, frames, rows, columns)`, or `None`.
        """
        return None

    def get_config(self) -> dict:
        """Returns the settings, as plain values."""
        return {}


def choose(candidates, task, on_trial=None) -> tuple:
    """Returns the candidate with the best score on the validation split.

    Args:
        candidates: iterable of (settings, fitted, scores), with scores from
            `scores.score`.
        task: the `Task`.
        on_trial: function of each new trial. Defaults to `None`.

    Returns:
        The best fitted candidate, and a list of settings with their scores.

    Raises:
        ValueError: if no candidate has a finite score.
    """
    metric, more_is_better = next(iter(scores.metrics(task).items()))
    best, trials = None, []
    for settings, fitted, results in candidates:
        value = scores.mean(results[metric])
        trials.append({**settings, metric: value})
        if on_trial is not None:
            on_trial(trials[-1])
        rank = value if more_is_better else -value
        if np.isfinite(rank) and (best is None or rank > best[0]):
            best = rank, fitted
    if best is None:
        raise ValueError(
            "The scores on the validation split are not finite, or no depth "
            f"is known there. Tried: {trials}. Lower the learning rates."
        )
    return best[1], trials


def positive(name: str, values, kind=float) -> tuple:
    """Returns a tuple of positive numbers, also from a single number.

    Args:
        name: str, name of the argument.
        values: a number, or a sequence of numbers.
        kind: `float` or `int`. Defaults to `float`.

    Raises:
        ValueError: if a number is not positive, or there is none.

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
