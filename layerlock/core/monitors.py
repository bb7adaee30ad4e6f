"""Numbers that tell whether the features of a run are healthy."""

import keras
import numpy as np
from keras import ops

_RANK_ROWS = 1024  # tokens that the effective rank is estimated from


def normalize(features, epsilon=1e-6):
    """LayerNorm without parameters, in at least float32.

    Args:
        features: Shape `(..., width)`.
        epsilon: float, added to the variance. Defaults to `1e-6`.

    Output shape:
        Same as `features`.
    """
    features = _at_least_float32(features)
    mean = ops.mean(features, axis=-1, keepdims=True)
    centred = features - mean
    variance = ops.mean(ops.square(centred), axis=-1, keepdims=True)
    return centred * ops.rsqrt(variance + epsilon)


def spread(features):
    """Standard deviation over clips and positions, mean over the features.

    Of LayerNorm-ed features, it is near 0 when every token has become the
    same vector, and about 0.4 to 0.9 in a healthy run.

    Args:
        features: Shape `(batch, tokens, width)`.

    Returns:
        A scalar.
    """
    features = _at_least_float32(features)
    return ops.mean(ops.std(features, axis=(0, 1)))


def second_moments(features):
    """Mean outer product of the first tokens of a batch.

    Args:
        features: Shape `(batch, tokens, width)`.

    Returns:
        Shape `(width, width)`.
    """
    features = _at_least_float32(features)
    rows = ops.reshape(features, (-1, features.shape[-1]))[:_RANK_ROWS]
    count = ops.cast(ops.shape(rows)[0], rows.dtype)
    return ops.matmul(ops.transpose(rows), rows) / count


def effective_rank(second_moments) -> float:
    """Exponential of the entropy of the normalised singular values.

    It tells how many directions the features use. It alone is blind to a
    collapse in which nothing but noise is left, since noise has full rank:
    read it beside `spread`.

    Reference: [RankMe, Garrido et al., 2023](
    https://arxiv.org/abs/2210.02885), Eq. 1.

    Args:
        second_moments: NumPy array `(width, width)`, see `second_moments`.

    Returns:
        float between 1 and `width`; NaN if the features are not finite.

    Example:

    >>> round(effective_rank(np.eye(8)), 3)
    8.0
    """
    if not np.all(np.isfinite(second_moments)):
        return float("nan")
    eigenvalues = np.linalg.eigvalsh(second_moments.astype("float64"))
    # None is negative: the lowest one tells how far rounding moves a zero.
    rounding = max(-eigenvalues[0], 0.0)
    eigenvalues[eigenvalues <= rounding] = 0.0
    singular_values = np.sqrt(eigenvalues)
    total = singular_values.sum()
    if total == 0.0:
        return 1.0
    shares = singular_values / total
    shares = shares[shares > 0.0]
    return float(np.exp(-np.sum(shares * np.log(shares))))


def _at_least_float32(x):
    is_double = keras.backend.standardize_dtype(x.dtype) == "float64"
    return x if is_double else ops.cast(x, "float32")
