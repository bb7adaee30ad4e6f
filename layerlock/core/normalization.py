"""LayerNorm without parameters, for targets and measurements."""

import keras
from keras import ops


def normalize(values, epsilon=1e-6):
    """Moves each vector to mean 0 and variance 1, in at least float32.

    Args:
        values: Shape `(..., width)`.
        epsilon: float, added to the variance. Defaults to `1e-6`.

    Output shape:
        Same as `values`.
    """
    values = at_least_float32(values)
    if not _is_float64(values):
        return ops.layer_normalization(values, axis=-1, epsilon=epsilon)
    # Keras would round float64 to float32.
    mean = ops.mean(values, axis=-1, keepdims=True)
    centred = values - mean
    variance = ops.mean(ops.square(centred), axis=-1, keepdims=True)
    return centred * ops.rsqrt(variance + epsilon)


def denormalize(predictions, values):
    """Scales predicted vectors to the mean and the spread of the true ones.

    Args:
        predictions: Shape `(..., width)`.
        values: the vectors before `normalize`. Same shape.

    Output shape:
        Same as `predictions`.
    """
    values = at_least_float32(values)
    spread = ops.std(values, axis=-1, keepdims=True)
    return predictions * spread + ops.mean(values, axis=-1, keepdims=True)


def at_least_float32(x):
    """Casts tensors of lower precision to float32."""
    return x if _is_float64(x) else ops.cast(x, "float32")


def _is_float64(x):
    return keras.backend.standardize_dtype(x.dtype) == "float64"
