"""SIGReg: how far embeddings are from an isotropic Gaussian.

Reference: [LeJEPA, Balestriero and LeCun, 2025](
https://arxiv.org/abs/2511.08544).
"""

import math

import keras
import numpy as np
from keras import ops

from layerlock import backends
from layerlock.core.normalization import at_least_float32
from layerlock.core.pretraining.masks import _hashing

_STREAMS = (1000, 1001)  # of random numbers; masks use lower ones
_FRACTION = 24  # bits of a uniform number, as many as float32 has


def directions(num_slices: int, dim: int, seed: int, batch_index):
    """Draws unit vectors, uniform on the sphere.

    They are a function of the arguments alone, the same on every backend.

    Args:
        num_slices: int, vectors.
        dim: int, their length.
        seed: int, from 0 to `2**64 - 1`.
        batch_index: Number of the batch, an int or a scalar tensor.

    Output shape:
        `(num_slices, dim)`, float32.
    """
    keys = _hashing.keys_of_streams(
        num_slices, dim, seed, batch_index, _STREAMS
    )
    radius, angle = _uniform(keys[0]), _uniform(keys[1])
    # Box and Muller, 1958: a normal number from two uniform ones.
    normal = ops.sqrt(-2.0 * ops.log(radius)) * ops.cos(2 * math.pi * angle)
    squares = ops.sum(ops.square(normal), axis=1, keepdims=True)
    return normal * ops.rsqrt(squares)


def sigreg(embeddings, directions, num_knots: int = 17, last_knot: float = 3.0):
    """Epps-Pulley statistic, the mean over views and directions.

    Along each direction, the empirical characteristic function of the clips is
    compared with that of a standard Gaussian, `exp(-t**2 / 2)`. The square of
    their distance, with a Gaussian window as its weight, is integrated by the
    trapezoidal rule over t from `-last_knot` to `last_knot`, and multiplied by
    the number of clips. The integrand is even, so that knots lie on the
    positive half only.

    On several devices the characteristic function is that of the global batch.

    Args:
        embeddings: Shape `(views, clips, dim)`.
        directions: Unit vectors `(num_slices, dim)`.
        num_knots: int, at least 2. Defaults to `17`.
        last_knot: float, above 0. Defaults to `3.0`.

    Returns:
        A scalar, float32 or better.
    """
    embeddings = at_least_float32(embeddings)
    dtype = keras.backend.standardize_dtype(embeddings.dtype)
    knots = np.linspace(0.0, last_knot, num_knots)
    gaussian = np.exp(-(knots**2) / 2)
    steps = np.full(num_knots, 2 * knots[1])
    steps[[0, -1]] /= 2
    along = ops.matmul(embeddings, ops.transpose(ops.cast(directions, dtype)))
    # (views, clips, slices, knots)
    angles = along[..., None] * backends.constant(knots, dtype)
    real = _global_mean(ops.mean(ops.cos(angles), axis=1))
    imaginary = _global_mean(ops.mean(ops.sin(angles), axis=1))
    distance = ops.square(real - backends.constant(gaussian, dtype))
    distance = distance + ops.square(imaginary)
    weights = backends.constant(gaussian * steps, dtype)
    statistic = ops.mean(ops.sum(distance * weights, axis=-1))
    return statistic * _number(
        backends.global_size(ops.shape(embeddings)[1]), dtype
    )


def _number(number, dtype):
    if isinstance(number, int):
        return backends.constant(number, dtype)
    return ops.cast(number, dtype)  # TensorFlow: a tensor


def _uniform(keys):
    """Uniform numbers in (0, 1] from uniform int32 numbers."""
    bits = backends.shift_right(keys, 32 - _FRACTION)
    return (ops.cast(bits, "float32") + 0.5) * 2.0**-_FRACTION


def _global_mean(mean):
    """The mean over the global batch, with the gradient of this device's rows.

    The mean of these gradients over all devices is that of the global loss.
    """
    return mean + ops.stop_gradient(backends.global_mean(mean) - mean)
