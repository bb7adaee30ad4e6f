"""Rotary positions of V-JEPA 2 and 2.1, whose planes are neighbours."""

import numpy as np
from keras import ops

KINDS = ("rotary_tiled", "rotary_interleaved")


def neighbour_frequencies(
    head_dim: int, wavelength: float, tiled: bool
) -> np.ndarray:
    """Returns the angle per patch of each feature of a head.

    The head dimension is split into three equal even parts, one per axis of
    the video; features `2 * j` and `2 * j + 1` of a part form a plane.
    V-JEPA 2.1 gives both of them angle `j`. V-JEPA 2 repeats the list of all
    angles instead: features `j` and `j + part / 2` have angle `j`, which is no
    rotation, and weights that were trained with it need it. As in the
    originals, features left over are not rotated, and fewer than 6 not at all.

    Args:
        head_dim: int, features of a head.
        wavelength: float, in patches.
        tiled: bool, whether angles are those of V-JEPA 2.

    Returns:
        float64, shape `(3, head_dim)`: rows are the axes of the video. The
        first feature of a plane is negative, which is the sign of its sine.
    """
    part = 2 * (head_dim // 6)
    turns = float(wavelength) ** (-2 * np.arange(part // 2) / max(part, 1))
    angles = np.tile(turns, 2) if tiled else np.repeat(turns, 2)
    angles = angles * np.tile([-1.0, 1.0], part // 2)
    frequencies = np.zeros((3, head_dim))
    for axis in range(3):
        frequencies[axis, axis * part : (axis + 1) * part] = angles
    return frequencies


def swap_neighbours(x):
    """Swaps features `2 * j` and `2 * j + 1`; a last odd one stays."""
    *outer, dim = ops.shape(x)
    if dim % 2:
        last = x[..., dim - 1 :]
        return ops.concatenate([swap_neighbours(x[..., :-1]), last], axis=-1)
    pairs = ops.reshape(x, (*outer, dim // 2, 2))
    return ops.reshape(ops.flip(pairs, axis=-1), (*outer, dim))
