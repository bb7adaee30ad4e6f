"""Compares an export with its encoder, in the runtime that it is for."""

import keras
import numpy as np

from layerlock import backends

LARGEST = 1e-4  # relative difference in float32
_SEED = 0


def largest_difference(export, encoder, path, layers: list, dtype: str):
    """Returns the largest difference, relative to the largest feature.

    Two clips of the encoder's own size are compared, and one of another size
    where the export takes it.

    Args:
        export: the `Export`.
        encoder: the `VideoEncoder` that was exported.
        path: of the export.
        layers: list of names of layers.
        dtype: str, of the clips.
    """
    shapes = [(2, *encoder.clip_shape)]
    if export.size_is_free(encoder):
        shapes.append((1, *other_shape(encoder)))
    compute = backends.compiled(
        encoder, lambda clips: encoder.features(clips, layers)
    )
    rng = np.random.default_rng(_SEED)
    differences = [0.0]
    for shape in shapes:
        clips = rng.integers(0, 256, (*shape, 3)).astype(dtype)
        found = export.features(path, clips, layers)
        for name, value in compute(clips).items():
            expected = keras.ops.convert_to_numpy(value)
            largest = np.abs(expected).max()
            difference = np.abs(found[name] - expected).max()
            differences.append(float(difference / largest))
    # NaN, which compares as false, is the largest.
    return max(differences, key=lambda x: np.inf if np.isnan(x) else x)


def other_shape(encoder) -> tuple:
    """A shape of clips with another number of patches on every free axis.

    An axis with a single patch keeps it, as in programs.
    """
    return tuple(
        patch * _other(size // patch)
        for size, patch in zip(
            encoder.clip_shape, encoder.patch_size, strict=True
        )
    )


def _other(count: int) -> int:
    if count <= 2:
        return {1: 1, 2: 3}[count]
    return count // 2 + 1
