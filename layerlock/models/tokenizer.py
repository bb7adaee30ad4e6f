"""Converts clips to patches and tokens, and patches back to clips."""

import functools

import numpy as np

from layerlock import backends
from layerlock.models import patches
from layerlock.models.numerics import at_least_float32


class VideoTokenizer:
    """Mixin of `VideoEncoder`: patchify, embed, add positions, and the inverse.

    It uses the attributes that the constructor of the encoder sets.
    """

    def grid(self, clip_shape=None) -> tuple:
        """Returns the number of patches: `(frames, rows, columns)`.

        Args:
            clip_shape: tuple of 3 ints, or of 4 with the channels. Defaults
                to the `clip_shape` of the encoder.
        """
        clip_shape = self.clip_shape if clip_shape is None else clip_shape
        return patches.patch_grid(tuple(clip_shape)[:3], self.patch_size)

    def token_positions(self, grid=None) -> np.ndarray:
        """Returns frame, row and column of each patch, int32 `(tokens, 3)`."""
        return _positions(tuple(self.grid() if grid is None else grid))

    def patchify(self, clips):
        """Cuts clips into standardised patches, in float32 or better.

        Args:
            clips: 8-bit pixels, or floats from 0 to 255. Shape
                `(batch, frames, height, width, 3)`.

        Returns:
            Shape `(batch, tokens, patch_dim)`.
        """
        cut = patches.patchify(clips, self.patch_size)
        return self._pixels.apply(cut, self._precise_dtype)

    def to_pixels(self, patch_values, grid=None):
        """Assembles clips from patches: the inverse of `patchify`.

        Args:
            patch_values: Standardised patches, for example predicted ones.
                Shape `(batch, tokens, patch_dim)`, all tokens of the grid.
            grid: tuple of 3 ints. Defaults to the encoder's own.

        Returns:
            Floats, from 0 to 255 for patches of pixels; predictions may
            leave that range. Shape
            `(batch, frames, height, width, 3)`.
        """
        grid = self.grid() if grid is None else grid
        pixels = self._pixels.undo(patch_values, self._precise_dtype)
        return patches.unpatchify(pixels, grid, self.patch_size)

    def embed(self, patch_values, positions, grid=None):
        """Turns patches into tokens: a linear map and additive positions.

        Args:
            patch_values: Shape `(batch, tokens, patch_dim)`, any subset of
                the patches.
            positions: int32, shape `(batch, tokens, 3)` or `(1, tokens, 3)`.
            grid: tuple of 3 ints, the grid of `positions`, used by additive
                positions. Defaults to the encoder's own.

        Returns:
            Shape `(batch, tokens, hidden_dim)`.
        """
        tokens = backends.call_layer(self.patch_embedding, patch_values)
        return self.add_positions(tokens, positions, grid)

    def add_positions(self, tokens, positions, grid=None):
        """Adds learned or sin-cos positions; else returns the tokens."""
        if self.additive_positions is None:
            return tokens
        grid = self.grid() if grid is None else grid
        return self.additive_positions(tokens, positions, grid=tuple(grid))

    @property
    def _precise_dtype(self):
        return at_least_float32(self.compute_dtype)


@functools.lru_cache(maxsize=64)
def _positions(grid) -> np.ndarray:
    positions = np.indices(grid, "int32").reshape(3, -1).T
    positions.flags.writeable = False  # It is that of all calls.
    return positions
