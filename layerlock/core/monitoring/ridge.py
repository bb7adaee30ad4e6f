"""Ridge regression, and how well it predicts rows that it has not seen."""

import numpy as np
import threadpoolctl

PENALTIES = 10.0 ** np.arange(-3, 4)  # over the mean squared singular value


def explained(x, y, groups) -> float:
    """Share of the variance of `y` that `x` predicts linearly.

    Half of the groups fit the regression, which then predicts the other half.
    The penalty is chosen by generalised cross-validation on the first.

    Reference: [Golub, Heath and Wahba, 1979](
    https://doi.org/10.1080/00401706.1979.10489751), for the penalty.

    Args:
        x: NumPy array `(rows, features)`.
        y: NumPy array `(rows, values)`.
        groups: int array `(rows,)`; rows of one group, such as a clip, stay
            together. Odd ones are predicted.

    Returns:
        float, at most 1; 0 if the mean would do as well, below 0 if it would
        do better. NaN if `x` or `y` is not finite or `y` is constant.

    Example:

    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(200, 4))
    >>> y = x @ rng.normal(size=(4, 3))
    >>> round(explained(x, y, np.arange(200)), 3)
    1.0
    """
    x, y = np.asarray(x, "float64"), np.asarray(y, "float64")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        return float("nan")
    seen = np.asarray(groups) % 2 == 0
    mean = y[seen].mean(axis=0)
    total = np.square(y[~seen] - mean).sum()
    if total <= 0.0:
        return float("nan")
    centre, scale = x[seen].mean(axis=0), x[seen].std(axis=0) + 1e-6
    x = (x - centre) / scale
    # One thread: more would wait for those of the training step.
    with threadpoolctl.threadpool_limits(limits=1, user_api="blas"):
        weights = _fit(x[seen], y[seen] - mean)
        rest = y[~seen] - mean - x[~seen] @ weights
    return float(1.0 - np.square(rest).sum() / total)


def _fit(x, y):
    """Weights `(features, values)` of the best penalty."""
    u, singular, v = np.linalg.svd(x, full_matrices=False)
    inner = u.T @ y
    outside = np.square(y).sum() - np.square(inner).sum()
    squares = np.square(singular)
    best = None
    for penalty in PENALTIES * max(squares.mean(), 1e-12):
        kept = squares / (squares + penalty)
        error = np.square((1 - kept)[:, None] * inner).sum() + outside
        freedom = len(x) - kept.sum()
        if freedom <= 0:
            continue
        score = error / freedom**2
        if best is None or score < best[0]:
            best = score, singular / (squares + penalty)
    return v.T @ (best[1][:, None] * inner)
