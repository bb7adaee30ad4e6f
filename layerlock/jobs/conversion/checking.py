"""Compares an export with its encoder, in the runtime that it is for."""

import math

import numpy as np

from layerlock.models import exports

LARGEST = 1e-4  # relative difference in float32
_SEED = 0
_MAX_TOKENS = 2048  # attention to more takes gigabytes, and hours on a CPU


def largest_difference(export, encoder, path, layers: list, dtype: str):
    """Returns the largest difference, relative to the largest feature.

    Two clips of the encoder's own size are compared, and one of another size
    along every axis that is free. Along these, large clips are made smaller.

    Args:
        export: the `Export`.
        encoder: the `VideoEncoder` that was exported.
        path: of the export.
        layers: list of names of layers.
        dtype: str, of the clips.
    """
    axes = export.free_axes(encoder)
    shapes = [(2, *own_shape(encoder, axes))]
    if axes:
        shapes.append((1, *other_shape(encoder, axes)))
    rng = np.random.default_rng(_SEED)
    differences = [0.0]
    for shape in shapes:
        clips = rng.integers(0, 256, (*shape, 3)).astype(dtype)
        found = export.features(path, clips, layers)
        own = exports.keras_features(encoder, clips, layers)
        for name, expected in own.items():
            largest = np.abs(expected).max() or 1.0
            values = np.reshape(found[name], expected.shape)
            difference = np.abs(values - expected).max()
            differences.append(float(difference / largest))
    # NaN, which compares as false, is the largest.
    return max(differences, key=lambda x: np.inf if np.isnan(x) else x)


def own_shape(encoder, axes) -> tuple:
    """The shape of an encoder's clips, or of smaller ones on some axes.

    Example:

    >>> from layerlock.models import VideoEncoder
    >>> encoder = VideoEncoder.from_preset("video_vit_nano")
    >>> own_shape(encoder, (0, 1, 2))
    (8, 32, 32)
    """
    return _in_pixels(encoder, _small_grid(encoder, axes))


def other_shape(encoder, axes) -> tuple:
    """A shape of clips with another number of patches on some axes.

    Example:

    >>> from layerlock.models import VideoEncoder
    >>> encoder = VideoEncoder.from_preset("video_vit_nano")
    >>> encoder.clip_shape, other_shape(encoder, (0, 2))
    ((8, 32, 32), (6, 32, 24))
    """
    grid = [
        _other(count) if axis in axes else count
        for axis, count in enumerate(_small_grid(encoder, axes))
    ]
    return _in_pixels(encoder, grid)


def _small_grid(encoder, axes) -> list:
    """The patches of a clip, halved along the longest axes if too many."""
    grid = list(encoder.grid())
    while math.prod(grid) > _MAX_TOKENS and any(grid[a] > 1 for a in axes):
        longest = max(axes, key=lambda axis: grid[axis])
        grid[longest] = (grid[longest] + 1) // 2
    return grid


def _in_pixels(encoder, grid) -> tuple:
    return tuple(
        count * patch
        for count, patch in zip(grid, encoder.patch_size, strict=True)
    )


def _other(count: int) -> int:
    """Half of a number of patches, or one more where there are few."""
    return count // 2 + 1 if count > 2 else count + 1
