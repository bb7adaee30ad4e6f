"""Converts clips to patches and back."""

import math

import numpy as np
from keras import ops

from layerlock import backends

CHANNELS = 3  # red, green, blue
AXES = ("frames", "rows", "columns")


def check_sizes(name: str, sizes) -> tuple:
    """Returns `sizes` as a tuple; raises unless they are positive integers."""
    sizes = tuple(sizes)
    if len(sizes) != 3 or any(int(s) != s or s < 1 for s in sizes):
        raise ValueError(
            f"`{name}` must be three positive integers, {AXES}. "
            f"Received: {name}={sizes}."
        )
    return tuple(int(size) for size in sizes)


def patch_grid(clip_shape, patch_size) -> tuple:
    """Returns the number of patches along frames, rows and columns.

    >>> patch_grid((16, 224, 224), (2, 16, 16))
    (8, 14, 14)
    """
    for axis, size, patch in zip(AXES, clip_shape, patch_size, strict=True):
        if size is None:
            raise ValueError(
                f"The number of {axis} of a clip must be known before it is "
                f"cut into patches. Received: clip shape {tuple(clip_shape)}. "
                "Give the input a fixed shape, for example with "
                "`keras.Input((16, 224, 224, 3))`."
            )
        if size % patch or size < patch:
            nearest = max(1, round(size / patch)) * patch
            raise ValueError(
                f"The {axis} of the clip do not divide into patches. "
                f"Received: clip shape {tuple(clip_shape)} and "
                f"patch_size={tuple(patch_size)}; {size} {axis} is not a "
                f"multiple of {patch}. Use clips of {nearest} {axis}, or "
                "another `patch_size`."
            )
    return tuple(
        size // patch
        for size, patch in zip(clip_shape, patch_size, strict=True)
    )


def patchify(clips, patch_size):
    """Cuts clips into patches, without touching a value.

    Patches follow each other by frame, then row, then column, and so do the
    pixels inside of a patch; the channel is the fastest index.

    Args:
        clips: Videos. Shape `(batch, frames, height, width, 3)`, any dtype.
        patch_size: tuple of 3 ints, frames, rows and columns of a patch.

    Returns:
        Patches of the same dtype, shape `(batch, tokens, patch_dim)`.

    Example:

    >>> clips = np.zeros((2, 4, 32, 32, 3), "uint8")
    >>> tuple(patchify(clips, (2, 8, 8)).shape)
    (2, 32, 384)
    """
    patch_size = check_sizes("patch_size", patch_size)
    if len(clips.shape) != 5 or clips.shape[4] != CHANNELS:
        raise ValueError(
            "Clips must have shape (batch, frames, height, width, "
            f"{CHANNELS}). Received: clips of shape {tuple(clips.shape)}. "
            "Add the missing axis with `clips[None]`, or convert to RGB."
        )
    t, r, c = patch_grid(clips.shape[1:4], patch_size)
    frames, rows, columns = patch_size
    x = backends.reshape(clips, (-1, t, frames, r, rows, c, columns, CHANNELS))
    x = ops.transpose(x, (0, 1, 3, 5, 2, 4, 6, 7))
    return backends.reshape(
        x, (-1, t * r * c, math.prod(patch_size) * CHANNELS)
    )


def unpatchify(patches, grid, patch_size):
    """Assembles clips from patches: the inverse of `patchify`.

    Args:
        patches: Shape `(batch, tokens, patch_dim)`, all patches of the grid
            in order.
        grid: tuple of 3 ints, patches along frames, rows and columns.
        patch_size: tuple of 3 ints, frames, rows and columns of a patch.

    Returns:
        Clips of the same dtype, shape `(batch, frames, height, width, 3)`.

    Example:

    >>> patches = np.zeros((2, 32, 384), "float32")
    >>> tuple(unpatchify(patches, (2, 4, 4), (2, 8, 8)).shape)
    (2, 4, 32, 32, 3)
    """
    t, r, c = check_sizes("grid", grid)
    frames, rows, columns = check_sizes("patch_size", patch_size)
    expected = (t * r * c, frames * rows * columns * CHANNELS)
    if len(patches.shape) != 3 or tuple(patches.shape[1:]) != expected:
        raise ValueError(
            f"A grid of {(t, r, c)} patches of size "
            f"{(frames, rows, columns)} needs patches of shape "
            f"(batch, {expected[0]}, {expected[1]}). "
            f"Received: patches of shape {tuple(patches.shape)}. "
            "Fill in hidden patches first."
        )
    x = ops.reshape(patches, (-1, t, r, c, frames, rows, columns, CHANNELS))
    x = ops.transpose(x, (0, 1, 4, 2, 5, 3, 6, 7))
    return ops.reshape(x, (-1, t * frames, r * rows, c * columns, CHANNELS))


class PixelStandardisation:
    """Standardises 8-bit pixels to zero mean and unit spread, and inverts it.

    Args:
        mean: float or tuple of 3 floats, one per channel, of pixels in
            [0, 1].
        std: float or tuple of 3 floats, above 0.
    """

    def __init__(self, mean, std):
        for name, value in (("pixel_mean", mean), ("pixel_std", std)):
            if np.shape(value) not in ((), (CHANNELS,)):
                raise ValueError(
                    f"`{name}` must be one float or one per colour channel. "
                    f"Received: {name}={value}."
                )
        if not np.all((1e-6 < np.asarray(std)) & (np.asarray(std) < 1e6)):
            raise ValueError(
                "`pixel_std` must be positive, and between 1e-6 and 1e6. "
                f"Received: pixel_std={std}."
            )
        if not np.all(np.abs(mean) < 1e6):
            raise ValueError(
                "`pixel_mean` must be between -1e6 and 1e6. "
                f"Received: pixel_mean={mean}."
            )
        # (pixels / 255 - mean) / std = pixels * scale + shift
        self.scale = 1 / (255 * np.asarray(std, "float64"))
        self.shift = -np.asarray(mean, "float64") / std

    def apply(self, patches, dtype: str):
        """Standardises patches of 8-bit pixels; the result has `dtype`."""
        scale, shift = self._tensors(patches.shape[-1], dtype)
        return ops.cast(patches, dtype) * scale + shift

    def undo(self, patches, dtype: str):
        """Returns patches of pixels from 0 to 255, as floats of `dtype`."""
        scale, shift = self._tensors(patches.shape[-1], dtype)
        return (ops.cast(patches, dtype) - shift) / scale

    def _tensors(self, patch_dim, dtype):
        repeats = patch_dim // CHANNELS  # the channel is the fastest index
        for value in (self.scale, self.shift):
            if value.ndim:
                value = np.tile(value, repeats)
            yield backends.constant(value, dtype)
