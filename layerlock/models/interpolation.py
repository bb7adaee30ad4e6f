"""Interpolation of an axis."""

import numpy as np


def interpolation(old: int, new: int) -> np.ndarray:
    """Returns weights for the linear interpolation of an axis.

    >>> interpolation(2, 3).tolist()
    [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]
    """
    centres = (np.arange(new) + 0.5) * old / new - 0.5
    centres = np.clip(centres, 0, old - 1)[:, None]
    return np.maximum(0.0, 1.0 - np.abs(centres - np.arange(old)))


def cubic_interpolation(old: int, new: int) -> np.ndarray:
    """Returns weights for the cubic interpolation of an axis.

    Those of `jax.image.resize`: Keys's kernel, wider by the factor by which
    the axis shrinks; weights beyond the ends are dropped, and the others
    scaled to a sum of 1.

    >>> cubic_interpolation(2, 4).round(3)[1].tolist()
    [0.793, 0.207]
    """
    centres = (np.arange(new) + 0.5) * old / new - 0.5
    distances = np.abs(centres[:, None] - np.arange(old)) / max(old / new, 1)
    near = (1.5 * distances - 2.5) * distances**2 + 1
    far = ((-0.5 * distances + 2.5) * distances - 4) * distances + 2
    weights = np.where(distances < 1, near, np.where(distances < 2, far, 0.0))
    return weights / weights.sum(axis=1, keepdims=True)
