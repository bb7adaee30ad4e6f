"""Metrics per example, and confidence intervals of their means."""

import numpy as np

# Name of each metric, and whether higher is better. The first metric of a kind
# of task chooses the settings.
CLASSIFICATION = {"top1": True, "top5": True}
DEPTH = {"abs_rel": False, "delta_1_25": True}
ALL = CLASSIFICATION | DEPTH


def metrics(task) -> dict:
    """Returns the metrics of a task, and whether higher is better."""
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
        dict from metric to an array `(examples,)`. For classes: top-1 and
        top-5 accuracy, as a probability if classes are tied. For depth: the
        absolute relative error, averaged over pixels, and the share of
        pixels with an error below a factor of 1.25; NaN for an example
        without known depth.
    """
    if task.is_dense:
        return depth(predictions, targets)
    return {
        name: _top(predictions, targets, int(name.removeprefix("top")))
        for name in metrics(task)
    }


def score_all(task, answer, features) -> dict[str, np.ndarray]:
    """Scores every example of a split, batch by batch.

    Args:
        task: the `Task`.
        answer: a function from features `(examples, views, frames, rows,
            columns, dim)` to predictions; see `score`.
        features: the `Features` of the split.
    """
    return joined(
        [
            score(task, answer(values), truth)
            for values, truth in features.batches()
        ]
    )


def joined(batches) -> dict[str, np.ndarray]:
    """Concatenates the scores of several batches."""
    return {
        name: np.concatenate([scored[name] for scored in batches])
        for name in batches[0]
    }


def _top(predictions, targets, k: int):
    """Returns the probability of a top-k hit, with ties broken at random.

    Keras counts every tie as a hit, but with the votes of a few neighbours
    most classes are tied at 0.
    """
    own = np.take_along_axis(predictions, targets[:, None], axis=-1)
    tied = (predictions == own).sum(axis=-1)
    above = (predictions > own).sum(axis=-1)
    chance = np.clip((k - above) / np.maximum(tied, 1), 0.0, 1.0)
    return np.where(np.isnan(predictions).any(axis=-1), -np.inf, chance)


def best_constant_depth(targets) -> float:
    """Returns the constant depth with the lowest relative error.

    Args:
        targets: depths of any shape, NaN where unknown.

    Example:

    >>> best_constant_depth(np.array([1.0, 2.0, np.nan, 9.0]))
    1.0
    """
    known = np.sort(targets[np.isfinite(targets) & (targets > 0)])
    weights = np.cumsum(1 / known, dtype="float64")  # relative error
    return float(known[np.searchsorted(weights, weights[-1] / 2)])


def depth(predictions, targets) -> dict[str, np.ndarray]:
    """Scores depths; see `score`."""
    known = np.isfinite(targets) & (targets > 0)
    truth = np.where(known, targets, 1.0)
    error = np.abs(predictions - truth) / truth
    error = np.where(np.isnan(error), np.inf, error)
    ratio = np.maximum(
        predictions / truth, truth / np.maximum(predictions, 1e-9)
    )
    axes = tuple(range(1, targets.ndim))
    count = known.sum(axis=axes)
    with np.errstate(invalid="ignore"):
        return {
            "abs_rel": np.where(known, error, 0.0).sum(axis=axes) / count,
            "delta_1_25": ((ratio < 1.25) & known).sum(axis=axes) / count,
        }


def mean(values) -> float:
    """Returns the mean of all values but NaN; NaN if there is none."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def summarise(values, groups=None, level: float = 0.95, seed: int = 0) -> dict:
    """Returns a mean over examples with its bootstrap interval.

    Whole groups are resampled, since examples of a group are dependent. If all
    examples are correct, or all are wrong, the bootstrap has no variance, and
    the interval is Wilson's.

    Args:
        values: Shape `(examples,)`; NaN is left out.
        groups: sequence with the group of each example. Defaults to `None`:
            a group per example.
        level: float, confidence level. Defaults to `0.95`.
        seed: int, of the resampling.

    Returns:
        dict with `value`, `low` and `high`; `low` and `high` are `None` if all
        examples are of one group, or the means of all groups are the same.

    Raises:
        ValueError: if there is no example, or an infinite value.
    """
    from scipy import stats

    values = np.asarray(values, "float64")
    groups = np.arange(len(values)) if groups is None else groups
    _, groups = np.unique(np.asarray(groups), return_inverse=True)
    known = ~np.isnan(values)
    values, groups = values[known], groups[known]
    if not len(values):
        raise ValueError(
            "No example has a value: the depth is unknown everywhere."
        )
    if not np.isfinite(values).all():
        raise ValueError(
            f"{np.sum(~np.isfinite(values))} of {len(values)} predictions are "
            "not finite: training of the readout failed. Lower its learning "
            "rate."
        )
    value = mean(values)
    counts = np.bincount(groups)
    sums = np.bincount(groups, values)[counts > 0]
    counts = counts[counts > 0]
    if np.ptp(values) == 0 and value in (0.0, 1.0):
        low, high = stats.binomtest(
            round(value * len(counts)), len(counts)
        ).proportion_ci(level, method="wilson")
    elif np.ptp(sums / counts) == 0:
        low = high = None  # no variance between groups
    else:
        low, high = stats.bootstrap(
            (sums, counts),
            lambda total, count, axis: total.sum(axis) / count.sum(axis),
            paired=True,
            confidence_level=level,
            n_resamples=2000,
            batch=100,
            method="percentile",
            rng=np.random.default_rng(seed),
        ).confidence_interval
    if low is not None:
        low, high = float(low), float(high)
    return {"value": value, "low": low, "high": high}


def interval(summary: dict) -> str:
    """Formats the interval of a result of `summarise`.

    >>> interval({"value": 0.5, "low": 0.4, "high": 0.6})
    '0.400 to 0.600'
    """
    if summary["low"] is None:
        return "no interval: groups of examples do not differ"
    return f"{summary['low']:.3f} to {summary['high']:.3f}"
