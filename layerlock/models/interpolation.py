"""Linear interpolation of an axis."""

import numpy as np


def interpolation(old: int, new: int) -> np.ndarray:
    """Returns weights for the linear interpolation of an axis.

    >>> interpolation(2, 3).tolist()
    [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]
    """
    centres = (np.arange(new) + 0.5) * old / new - 0.5
    centres = np.clip(centres, 0, old - 1)[:, None]
    return np.maximum(0.0, 1.0 - np.abs(centres - np.arange(old)))
