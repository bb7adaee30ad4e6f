"""Hide large blocks of a frame in the whole clip."""

import functools
import math

import keras
import numpy as np
from keras import ops

from layerlock import backends
from layerlock.core.pretraining.masks import _hashing
from layerlock.core.pretraining.masks.base import Mask

_NUM_ASPECTS = 16  # evenly spaced; a table, since floats differ by backend
_NUM_TRIALS = 1000  # sampled frames, from which counts are estimated
_QUANTILE = 0.1  # share of the samples below these counts
_MIN_VISIBLE = 1 / 16  # of the cells
_POSITIVE = 2**31 - 1  # all bits of an int32 but the sign


@keras.saving.register_keras_serializable("layerlock")
class MultiBlockMask(Mask):
    """Hides the union of blocks, for several kinds of blocks at once.

    A block covers a rectangle of the frame in all time steps. By default there
    are two kinds of masks, many small blocks and few large ones, and a clip is
    encoded once for each.

    Every kind has a fixed number of visible and of hidden tokens, which nine
    of ten clips reach (fewer on grids of about 4 x 4 cells). If a clip has
    more, random tokens are left out. If the blocks leave too few visible
    tokens, random covered tokens become visible. If the blocks cover too few
    tokens, random tokens outside of them are hidden.

    Reference: [V-JEPA, Bardes et al., 2024](
    https://arxiv.org/abs/2404.08471), section 3.2. V-JEPA cuts to the smallest
    numbers of the batch, draws again if nothing is visible, and uses one block
    size per batch; here every block of every clip has its own size.

    Args:
        blocks: Pairs `(number, share)`, one for each kind of mask: the number
            of blocks, and the share of the frame that each covers. Defaults
            to `((8, 0.15), (2, 0.7))`.
        aspect_ratio: Smallest and largest height over width of a block.
            Defaults to `(0.75, 1.5)`.

    Example:

    >>> [num_visible // 8 for num_visible, _ in MultiBlockMask().counts(
    ...     (8, 14, 14))]
    [52, 17]
    """

    def __init__(self, blocks=((8, 0.15), (2, 0.7)), aspect_ratio=(0.75, 1.5)):
        self.blocks = _checked_blocks(blocks)
        self.aspect_ratio = _checked_aspects(aspect_ratio)

    def counts(self, grid):
        frames, rows, columns = grid
        return [
            tuple(
                frames * cells
                for cells in _count_cells(
                    number, self._sizes(share, rows, columns), rows, columns
                )
            )
            for number, share in self.blocks
        ]

    def draw(self, batch_size, grid, seed, batch_index):
        return [
            self._draw_kind(kind, counts, batch_size, grid, seed, batch_index)
            for kind, counts in enumerate(self.counts(grid))
        ]

    def _draw_kind(self, kind, counts, batch_size, grid, seed, batch_index):
        num_visible, num_hidden = counts
        frames, rows, columns = grid
        num_tokens = math.prod(grid)
        number, share = self.blocks[kind]
        # Every kind has its own random streams: for the blocks, the order of
        # all tokens and that of the hidden ones.
        stream = 10 + 3 * kind
        keys = _hashing.keys_of_streams(
            batch_size,
            max(3 * number, num_tokens),
            seed,
            batch_index,
            (stream, stream + 1, stream + 2),
        )
        covered = _cover(
            keys[0, :, : 3 * number],
            self._sizes(share, rows, columns),
            rows,
            columns,
        )
        covered = ops.tile(covered, (1, frames))  # (batch, tokens)
        order = ops.argsort(keys[1, :, :num_tokens], axis=1)
        order = ops.cast(order, "int32")
        covered = ops.take_along_axis(covered, order, axis=1)
        # Visible tokens first, each part in its random order; no ties.
        place = ops.arange(num_tokens, dtype="int32")
        tokens = _hashing.sort_by(order, covered * num_tokens + place)
        # Small blocks leave uncovered tokens at the start of these.
        hidden = tokens[:, num_tokens - num_hidden :]
        hidden = _hashing.sort_by(hidden, keys[2, :, :num_hidden])
        return tokens[:, :num_visible], hidden

    def _sizes(self, share, rows, columns):
        return _block_sizes(share, self.aspect_ratio, rows, columns)

    def get_config(self):
        return {
            "blocks": [list(pair) for pair in self.blocks],
            "aspect_ratio": list(self.aspect_ratio),
        }


@functools.lru_cache
def _block_sizes(share, aspect_ratio, rows, columns) -> tuple:
    """Height and width of a block, in cells, for each aspect ratio."""
    area = share * rows * columns
    low, high = aspect_ratio
    sizes = []
    for index in range(_NUM_ASPECTS):
        aspect = low + (high - low) * (index + 0.5) / _NUM_ASPECTS
        height = round(math.sqrt(area * aspect))
        width = round(math.sqrt(area / aspect))
        sizes.append((min(max(height, 1), rows), min(max(width, 1), columns)))
    return tuple(sizes)


def _cover(keys, sizes, rows, columns):
    """Marks the cells of the frame that the blocks cover.

    Args:
        keys: int32 random numbers, shape `(batch, 3 * blocks)`.
        sizes: tuple of heights and widths to choose from.
        rows: int.
        columns: int.

    Returns:
        int32 of shape `(batch, rows * columns)`, 1 where covered.
    """
    keys = keys & _POSITIVE
    blocks = keys.shape[1] // 3
    size, top, left = backends.split(keys, (blocks,) * 3, axis=1)
    table = backends.constant(sizes, "int32")
    sizes = backends.take(table, size % len(sizes))  # (batch, blocks, 2)
    height, width = sizes[..., 0], sizes[..., 1]
    top = (top % (rows - height + 1))[..., None]
    left = (left % (columns - width + 1))[..., None]
    row = ops.arange(rows, dtype="int32")
    column = ops.arange(columns, dtype="int32")
    inside_rows = (row >= top) & (row < top + height[..., None])
    inside_columns = (column >= left) & (column < left + width[..., None])
    inside = inside_rows[..., :, None] & inside_columns[..., None, :]
    covered = ops.any(inside, axis=1)  # (batch, rows, columns)
    return ops.cast(ops.reshape(covered, (-1, rows * columns)), "int32")


@functools.lru_cache
def _count_cells(number, sizes, rows, columns) -> tuple[int, int]:
    """Numbers of visible and hidden cells, from a fixed set of samples."""
    random = np.random.RandomState(0)
    hidden = []
    for _ in range(_NUM_TRIALS):
        covered = np.zeros((rows, columns), bool)
        for _ in range(number):
            height, width = sizes[random.randint(len(sizes))]
            top = random.randint(rows - height + 1)
            left = random.randint(columns - width + 1)
            covered[top : top + height, left : left + width] = True
        hidden.append(int(covered.sum()))
    hidden.sort()
    few = int(_QUANTILE * _NUM_TRIALS)
    num_cells = rows * columns
    num_visible = num_cells - hidden[-1 - few]
    num_visible = max(num_visible, math.ceil(_MIN_VISIBLE * num_cells))
    return num_visible, min(hidden[few], num_cells - num_visible)


def _checked_blocks(blocks):
    try:
        pairs = tuple((int(number), float(share)) for number, share in blocks)
        valid = all(
            number == block[0] and number >= 1 and 0 < share < 1
            for (number, share), block in zip(pairs, blocks, strict=True)
        )
    except (TypeError, ValueError):
        pairs, valid = (), False
    if not pairs or not valid:
        raise ValueError(
            "`blocks` must be pairs (number of blocks, share of the frame "
            "that each covers), one per kind of mask, for instance "
            f"((8, 0.15), (2, 0.7)). Received: blocks={blocks!r}."
        )
    return pairs


def _checked_aspects(aspect_ratio):
    try:
        low, high = (float(aspect) for aspect in aspect_ratio)
    except (TypeError, ValueError):
        low, high = 0.0, 0.0
    if not 0 < low <= high < math.inf:
        raise ValueError(
            "`aspect_ratio` must be the smallest and the largest height over "
            "width of a block, for instance (0.75, 1.5). "
            f"Received: aspect_ratio={aspect_ratio!r}."
        )
    return low, high
