"""The contract of a probe."""

import abc

import numpy as np

from layerlock.evaluation import scores


class Probe(abc.ABC):
    """Learns a task from frozen features, and answers for new ones.

    Attributes:
        is_dense: bool, whether it can say something at every pixel.
        trials: list of dict, every setting tried and its validation score.
    """

    is_dense = False
    trials: list[dict]

    @abc.abstractmethod
    def fit(self, train, validation, task):
        """Learns from one split; chooses its settings by the other.

        Args:
            train: `Features` with targets.
            validation: likewise.
            task: the `Task`.
        """

    @abc.abstractmethod
    def predict(self, features) -> np.ndarray:
        """Answers for every example; the mean over its views.

        Returns:
            Scores `(examples, classes)`, or depths `(examples, frames,
            height, width)`.
        """

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


def choose(candidates, validation, task) -> tuple:
    """Returns the best of several answers to a validation split.

    Args:
        candidates: iterable of (settings, fitted, predictions).
        validation: the targets.
        task: the `Task`.

    Returns:
        The fitted one that is best, and a list of settings with their scores.
    """
    metric, more_is_better = next(iter(scores.metrics(task).items()))
    best, trials = None, []
    for settings, fitted, predictions in candidates:
        values = scores.score(task, predictions, validation)[metric]
        value = float(np.nanmean(values))
        trials.append({**settings, metric: value})
        rank = value if more_is_better else -value
        if best is None or rank > best[0]:
            best = rank, fitted
    return best[1], trials
