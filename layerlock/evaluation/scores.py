"""How right an answer is: one number per example, and how sure the mean is."""

import numpy as np

# Name of each metric, and whether more is better. The first of a kind of task
# is the one that settings are chosen by.
CLASSIFICATION = {"top1": True, "top5": True}
DEPTH = {"abs_rel": False, "delta_1_25": True}


def metrics(task) -> dict:
    """Returns the metrics of a task, and whether more is better."""
    if task.is_dense:
        return DEPTH
    if len(task.class_names) <= 5:
        return {"top1": True}
    return CLASSIFICATION


def score(task, predictions, targets) -> dict[str, np.ndarray]:
    """Scores every example.

    Args:
        task: the `Task`.
        predictions: probabilities or scores `(examples, classes)`, or depths
            `(examples, frames, height, width)`.
        targets: classes `(examples,)`, or depths, NaN where unknown.

    Returns:
        dict from metric to an array `(examples,)`: whether the class is among
        the first 1 and 5, or with which chance, where classes are tied; the
        mean over pixels of the absolute relative error of the depth, and of
        whether it is wrong by less than a factor of 1.25. An example without
        any known depth scores NaN.
    """
    if task.is_dense:
        return depth(predictions, targets)
    return {
        name: _top(predictions, targets, int(name.removeprefix("top")))
        for name in metrics(task)
    }


def _top(predictions, targets, k: int):
    """Chance of each class to be among the first k, ties parted at random.

    Keras counts every tie as right: with the votes of a few neighbours most
    classes are tied at 0.
    """
    own = np.take_along_axis(predictions, targets[:, None], axis=-1)
    tied = (predictions == own).sum(axis=-1)
    above = (~(predictions <= own)).sum(axis=-1)  # so that NaN is never right
    return np.clip((k - above) / np.maximum(tied, 1), 0.0, 1.0)


def best_constant_depth(targets) -> float:
    """The depth with the lowest relative error on some maps, said everywhere.

    Args:
        targets: depths of any shape, NaN where unknown.

    Example:

    >>> best_constant_depth(np.array([1.0, 2.0, np.nan, 9.0]))
    1.0
    """
    known = np.sort(targets[np.isfinite(targets) & (targets > 0)])
    weights = np.cumsum(1 / known, dtype="float64")  # a far miss costs less
    return float(known[np.searchsorted(weights, weights[-1] / 2)])


def depth(predictions, targets) -> dict[str, np.ndarray]:
    """Scores depths; see `score`."""
    known = np.isfinite(targets) & (targets > 0)
    truth = np.where(known, targets, 1.0)
    error = np.abs(predictions - truth) / truth
    ratio = np.maximum(
        predictions / truth, truth / np.maximum(predictions, 1e-9)
    )
    axes = tuple(range(1, targets.ndim))
    count = known.sum(axis=axes)
    with np.errstate(invalid="ignore"):
        return {
            "abs_rel": (error * known).sum(axis=axes) / count,
            "delta_1_25": ((ratio < 1.25) & known).sum(axis=axes) / count,
        }


def summarise(values, level: float = 0.95, seed: int = 0) -> dict:
    """Returns a mean over examples with its bootstrap interval.

    Args:
        values: Shape `(examples,)`; NaN is left out.
        level: float, how sure the interval is. Defaults to `0.95`.
        seed: int, of the samples drawn.
    """
    from scipy import stats

    values = np.asarray(values, "float64")
    values = values[np.isfinite(values)]
    if not len(values):
        raise ValueError(
            "No example has a value to take the mean of: a depth that is known "
            "nowhere, or predictions that are no numbers."
        )
    mean = float(values.mean())
    if np.ptp(values) == 0:
        return {"value": mean, "low": mean, "high": mean}
    interval = stats.bootstrap(
        (values,),
        np.mean,
        confidence_level=level,
        n_resamples=2000,
        batch=100,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return {
        "value": mean,
        "low": float(interval.low),
        "high": float(interval.high),
    }
