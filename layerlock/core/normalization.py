"""LayerNorm without parameters: what targets are normalised by."""

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
    mean = ops.mean(values, axis=-1, keepdims=True)
    centred = values - mean
    variance = ops.mean(ops.square(centred), axis=-1, keepdims=True)
    return centred * ops.rsqrt(variance + epsilon)


def denormalize(predictions, values):
    """Gives predicted vectors the mean and the spread of the true ones.

    Args:
        predictions: Shape `(..., width)`.
        values: what was normalised. Same shape.

    Output shape:
        Same as `predictions`.
    """
    values = at_least_float32(values)
    spread = ops.std(values, axis=-1, keepdims=True)
    return predictions * spread + ops.mean(values, axis=-1, keepdims=True)


def at_least_float32(x):
    """Casts to float32 what is less precise."""
    is_double = keras.backend.standardize_dtype(x.dtype) == "float64"
    return x if is_double else ops.cast(x, "float32")
