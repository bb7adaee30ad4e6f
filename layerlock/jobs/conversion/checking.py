"""Compares an export with its encoder, in the runtime that it is for."""

import numpy as np

from layerlock.models import exports

LARGEST = 1e-4  # relative difference in float32
_SEED = 0


def largest_difference(export, encoder, path, layers: list, dtype: str):
    """Returns the largest difference, relative to the largest feature.

    Two clips of the encoder's own size are compared, and one of another size
    along every axis that is free.

    Args:
        export: the `Export`.
        encoder: the `VideoEncoder` that was exported.
        path: of the export.
        layers: list of names of layers.
        dtype: str, of the clips.
    """
    shapes = [(2, *encoder.clip_shape)]
    if axes := export.free_axes(encoder):
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
        for axis, count in enumerate(encoder.grid())
    ]
    return tuple(
        count * patch
        for count, patch in zip(grid, encoder.patch_size, strict=True)
    )


def _other(count: int) -> int:
    """Half of a number of patches, or one more where there are few."""
    return count // 2 + 1 if count > 2 else count + 1
