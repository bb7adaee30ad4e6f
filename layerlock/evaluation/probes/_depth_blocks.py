"""Depth maps cut into blocks of pixels, one per query of a readout."""

import math

import numpy as np


class DepthBlocks:
    """Turns depth maps into blocks of standardised log depth, and back.

    Args:
        block: tuple of 3 ints, frames, rows and columns of a block.
        clip_shape: tuple of 3 ints, what blocks are cut from.
        depths: the training maps, NaN where unknown, for the mean and the
            spread of their logarithm.
    """

    def __init__(self, block, clip_shape, depths):
        if any(n % b for n, b in zip(clip_shape, block, strict=True)):
            raise ValueError(
                f"Blocks of {tuple(block)} frames, rows and columns do not "
                f"divide maps of {tuple(clip_shape)}."
            )
        self.block = tuple(block)
        self.grid = tuple(
            n // b for n, b in zip(clip_shape, block, strict=True)
        )
        logs = _log(depths)
        self.mean = float(np.nanmean(logs))
        self.spread = float(np.nanstd(logs)) + 1e-6

    @property
    def num_blocks(self) -> int:
        """How many blocks a clip has."""
        return math.prod(self.grid)

    @property
    def values_per_block(self) -> int:
        """How many pixels a block has."""
        return math.prod(self.block)

    def cut(self, depths) -> np.ndarray:
        """From `(batch, frames, height, width)` to `(batch, blocks, values)`.

        Unknown depths stay NaN.
        """
        x = (_log(depths) - self.mean) / self.spread
        x = x.reshape(
            len(x),
            *(
                n
                for pair in zip(self.grid, self.block, strict=True)
                for n in pair
            ),
        )
        x = x.transpose(0, 1, 3, 5, 2, 4, 6)
        return x.reshape(len(x), self.num_blocks, -1).astype("float32")

    def join(self, blocks) -> np.ndarray:
        """From `(batch, blocks, values)` to depths: the inverse of `cut`."""
        x = np.asarray(blocks).reshape(-1, *self.grid, *self.block)
        x = x.transpose(0, 1, 4, 2, 5, 3, 6)
        shape = [g * b for g, b in zip(self.grid, self.block, strict=True)]
        return np.exp(x.reshape(-1, *shape) * self.spread + self.mean)


def _log(depths):
    depths = np.asarray(depths, "float32")
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(depths > 0, np.log(depths), np.nan)
