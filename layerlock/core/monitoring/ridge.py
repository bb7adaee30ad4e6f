"""Ridge regression, judged by its prediction of held-out rows."""

import numpy as np

from layerlock.core.monitoring.single_thread import single_thread

PENALTIES = 10.0 ** np.arange(-3, 4)  # over the mean squared singular value


def explained_variance(x, y, groups) -> float:
    """Share of the variance of `y` that is linearly predicted from `x`.

    The regression is fitted to half of the groups, and predicts the other
    half. Generalised cross-validation on the first half chooses the penalty.

    Reference: [Golub, Heath and Wahba, 1979](
    https://doi.org/10.1080/00401706.1979.10489751), for the penalty.

    Args:
        x: NumPy array `(rows, features)`.
        y: NumPy array `(rows, values)`.
        groups: int array `(rows,)`, the number of the group of each row, such
            as a clip. Groups of odd numbers are predicted.

    Returns:
        float, at most 1; 0 if the mean of `y` predicts as well, negative if it
        predicts better. NaN if `x` or `y` is not finite or `y` is constant.

    Example:

    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(200, 4))
    >>> y = x @ rng.normal(size=(4, 3))
    >>> round(explained_variance(x, y, np.arange(200)), 3)
    1.0
    """
    x, y = np.asarray(x, "float64"), np.asarray(y, "float64")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        return float("nan")
    fitted = np.asarray(groups) % 2 == 0
    mean = y[fitted].mean(axis=0)
    total = np.square(y[~fitted] - mean).sum()
    if total <= 0.0:
        return float("nan")
    centre, scale = x[fitted].mean(axis=0), x[fitted].std(axis=0) + 1e-6
    x = (x - centre) / scale
    with single_thread():
        weights = _fit(x[fitted], y[fitted] - mean)
        residuals = y[~fitted] - mean - x[~fitted] @ weights
    return float(1.0 - np.square(residuals).sum() / total)


def _fit(x, y):
    """Weights `(features, values)`, with the penalty of the lowest score."""
    u, singular, v = np.linalg.svd(x, full_matrices=False)
    projected = u.T @ y  # onto the singular vectors
    unreachable = np.square(y).sum() - np.square(projected).sum()
    squares = np.square(singular)
    best = None
    for penalty in PENALTIES * max(squares.mean(), 1e-12):
        shrinkage = squares / (squares + penalty)
        residuals = (1 - shrinkage)[:, None] * projected
        error = np.square(residuals).sum() + unreachable
        degrees_of_freedom = len(x) - shrinkage.sum()
        if degrees_of_freedom <= 0:
            continue
        score = error / degrees_of_freedom**2
        if best is None or score < best[0]:
            best = score, singular / (squares + penalty)
    return v.T @ (best[1][:, None] * projected)
