"""Formulas of the collapse measurements."""

import keras
import numpy as np
from keras import ops

from layerlock import backends
from layerlock.core.monitoring.single_thread import single_thread
from layerlock.core.normalization import at_least_float32, normalize

_RANK_ROWS = 1024  # tokens for the estimate of the effective rank

# What `measure` returns, in this order.
MEASURED = (
    "feature_std",
    "feature_std_min",
    "raw_feature_std",
    "target_std",
    "prediction_cosine",
    "clip_cosine",
)


def spread(features):
    """Standard deviation over clips and positions, mean over the features.

    For LayerNorm-ed features it is near 0 if all tokens are the same vector,
    and about 0.4 to 0.9 in a healthy run.

    Args:
        features: Shape `(batch, tokens, width)`.

    Returns:
        A scalar.
    """
    return ops.mean(deviations(features))


def deviations(features):
    """Standard deviation of each feature over clips and positions.

    Args:
        features: Shape `(batch, tokens, width)`.

    Output shape:
        `(width,)`.
    """
    features = at_least_float32(features)
    # `ops.std` takes five times as long on PyTorch.
    centred = features - _mean(features, axis=(0, 1))
    return ops.sqrt(_mean(ops.square(centred), axis=(0, 1)))


def measure(features, predictions, targets):
    """Measures one batch; `MEASURED` lists the names of the results.

    - `feature_std`: spread of the LayerNorm-ed features.
    - `feature_std_min`: spread of the feature with the least variation.
    - `raw_feature_std`: spread of the features without LayerNorm; it grows
      without bound in some collapses that LayerNorm hides.
    - `target_std`: spread of the targets.
    - `prediction_cosine`: between prediction and target, mean over tokens.
    - `clip_cosine`: between the LayerNorm-ed mean features of different
      clips; 1 if all clips have the same features.

    Args:
        features: Shape `(batch, visible, width)`.
        predictions: Shape `(batch, hidden, dim)`.
        targets: Shape `(batch, hidden, dim)`.

    Output shape:
        `(6,)`, float32.
    """
    normalized = normalize(features)
    spreads = deviations(normalized)
    numbers = (
        ops.mean(spreads),
        ops.min(spreads),
        spread(features),
        spread(targets),
        _mean(cosine(predictions, targets)),
        mean_cosine(backends.all_rows(ops.mean(normalized, axis=1))),
    )
    return ops.stack([ops.cast(number, "float32") for number in numbers])


def cosine(x, y, epsilon=1e-12):
    """Cosine of the angle between the vectors of two tensors.

    Args:
        x: Shape `(..., width)`.
        y: Shape `(..., width)`.
        epsilon: float, added to squared lengths. Defaults to `1e-12`.

    Output shape:
        `(...)`.
    """
    return ops.sum(_unit(x, epsilon) * _unit(y, epsilon), axis=-1)


def mean_cosine(vectors, epsilon=1e-12):
    """Mean cosine between different rows of a matrix; 0 if there is one row.

    Args:
        vectors: Shape `(rows, width)`.
        epsilon: float, added to squared lengths. Defaults to `1e-12`.

    Returns:
        A scalar.
    """
    units = _unit(vectors, epsilon)
    rows = _num_rows(units)
    # The square of the sum has every pair twice, and each row with itself.
    pairs = ops.sum(ops.square(ops.sum(units, axis=0)))
    pairs = pairs - ops.sum(ops.square(units))
    one = backends.constant(1.0, keras.backend.standardize_dtype(rows.dtype))
    return pairs / ops.maximum(rows * (rows - 1.0), one)


def second_moments(features):
    """Mean outer product of about 1024 tokens, at least one of each clip.

    They are evenly spread over the tokens of every clip, so that each device
    has its share. The first 1024 would lie on a few devices.

    Args:
        features: Shape `(batch, tokens, width)`.

    Returns:
        Shape `(width, width)`.
    """
    num_clips = backends.global_size(ops.shape(features)[0])
    every = -(-num_clips * features.shape[1] // _RANK_ROWS)  # rounded up
    picked = at_least_float32(features[:, ::every])
    rows = ops.reshape(picked, (-1, features.shape[-1]))
    rows = backends.all_rows(rows)
    return ops.matmul(ops.transpose(rows), rows) / _num_rows(rows)


def effective_rank(second_moments) -> float:
    """Exponential of the entropy of the normalised singular values.

    It is the number of directions that the features use. The log has that of
    LayerNorm-ed features, and RankMe that of the features themselves. It
    cannot detect a collapse to noise, since noise has full rank: use it with
    `spread`.

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
    with single_thread():
        eigenvalues = np.linalg.eigvalsh(second_moments.astype("float64"))
    # Negative eigenvalues are rounding errors of zeros.
    rounding = max(-eigenvalues[0], 0.0)
    eigenvalues[eigenvalues <= rounding] = 0.0
    singular_values = np.sqrt(eigenvalues)
    total = singular_values.sum()
    if total == 0.0:
        return 1.0
    shares = singular_values / total
    shares = shares[shares > 0.0]
    return float(np.exp(-np.sum(shares * np.log(shares))))


def linear_cka(gram, other) -> float:
    """Linear centred kernel alignment of two sets of features.

    1 if one is a rotation and scaling of the other, near 0 if they have
    no similarity.

    Reference: [Kornblith et al., 2019](https://arxiv.org/abs/1905.00414),
    Eq. 5 with linear kernels.

    Args:
        gram: NumPy array `(rows, rows)`: inner products of the centred
            features of the same rows, see `centred_gram`.
        other: the same of the other features.

    Returns:
        float between 0 and 1; NaN if a set of features is constant or not
        finite.

    Example:

    >>> linear_cka(np.eye(4), 2 * np.eye(4))
    1.0
    """
    gram, other = np.asarray(gram, "float64"), np.asarray(other, "float64")
    scale = np.linalg.norm(gram) * np.linalg.norm(other)
    return float(np.sum(gram * other) / scale) if scale > 0 else float("nan")


def centred_gram(features):
    """Inner products between centred rows of features.

    Args:
        features: Shape `(rows, width)`.

    Output shape:
        `(rows, rows)`.
    """
    features = at_least_float32(features)
    features = features - ops.mean(features, axis=0, keepdims=True)
    return ops.matmul(features, ops.transpose(features))


def _mean(x, axis=None):
    """Mean over the global batch; `x` has the rows of this device."""
    return backends.global_mean(ops.mean(x, axis=axis))


def _num_rows(x):
    rows = ops.shape(x)[0]
    if isinstance(rows, int):
        return backends.constant(rows, keras.backend.standardize_dtype(x.dtype))
    return ops.cast(rows, x.dtype)  # TensorFlow: a tensor


def _unit(x, epsilon):
    x = at_least_float32(x)
    squares = ops.sum(ops.square(x), axis=-1, keepdims=True)
    return x * ops.rsqrt(squares + epsilon)
