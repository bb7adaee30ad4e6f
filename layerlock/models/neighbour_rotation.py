"""Rotary positions of V-JEPA 2 and 2.1, whose planes are neighbours."""

import numpy as np
from keras import ops

KINDS = ("rotary_tiled", "rotary_interleaved")


def neighbour_frequencies(
    head_dim: int, part: int, turns: np.ndarray, tiled: bool
) -> np.ndarray:
    """Returns the angle per patch of each feature of a head.

    The head dimension is split into three equal even parts, one per axis of
    the video; features `2 * j` and `2 * j + 1` of a part form a plane.
    V-JEPA 2.1 gives both of them angle `j`. V-JEPA 2 repeats the list of all
    angles instead: features `j` and `j + part / 2` have angle `j`, which is no
    rotation, and weights that were trained with it need it.

    Args:
        head_dim: int, features of a head, even.
        part: int, features of an axis.
        turns: float64 `(part / 2,)`, radians per patch.
        tiled: bool, whether angles are those of V-JEPA 2.

    Returns:
        float64, shape `(3, head_dim)`: rows are the axes of the video. The
        first feature of a plane is negative, which is the sign of its sine.
    """
    if head_dim % 2:
        raise ValueError(
            "Rotating neighbours needs an even number of features per head. "
            f"Received: head_dim={head_dim}. Use another `num_heads`."
        )
    angles = np.tile(turns, 2) if tiled else np.repeat(turns, 2)
    angles = angles * np.tile([-1.0, 1.0], part // 2)
    frequencies = np.zeros((3, head_dim))
    for axis in range(3):
        frequencies[axis, axis * part : (axis + 1) * part] = angles
    return frequencies


def swap_neighbours(x):
    """Swaps features `2 * j` and `2 * j + 1`."""
    shape = ops.shape(x)
    pairs = ops.reshape(x, (*shape[:-1], shape[-1] // 2, 2))
    return ops.reshape(ops.flip(pairs, axis=-1), shape)
