"""Hide the same patches in every frame."""

import keras
from keras import ops

from layerlock.core.pretraining.masks import _hashing
from layerlock.core.pretraining.masks.base import Mask, valid_ratio


@keras.saving.register_keras_serializable("layerlock")
class TubeMask(Mask):
    """Hides the same share of patches in every frame of a clip.

    A hidden patch cannot be copied from the same place in another frame.

    Reference: [VideoMAE, Tong et al., 2022](
    https://arxiv.org/abs/2203.12602).

    Args:
        ratio: float, the share of the cells to hide. Defaults to `0.9`.

    Example:

    >>> TubeMask().counts((8, 14, 14))
    [(160, 1408)]
    """

    def __init__(self, ratio: float = 0.9):
        self.ratio = valid_ratio(ratio)

    def counts(self, grid):
        frames, rows, columns = grid
        num_visible = round(rows * columns * (1 - self.ratio))
        num_hidden = rows * columns - num_visible
        return [(frames * num_visible, frames * num_hidden)]

    def draw(self, batch_size, grid, seed, batch_index):
        frames, rows, columns = grid
        [(num_visible, num_hidden)] = self.counts(grid)
        keys = _hashing.permutation_keys(
            batch_size, rows * columns, seed, batch_index
        )
        cells = ops.cast(ops.argsort(keys, axis=1), "int32")
        offsets = ops.arange(frames, dtype="int32") * (rows * columns)
        # (batch, cells, frames): the frames of a cell are adjacent, so one cut
        # separates visible from hidden cells.
        tokens = cells[:, :, None] + offsets[None, None, :]
        tokens = ops.reshape(tokens, (-1, num_visible + num_hidden))
        hidden = _hashing.shuffle(
            tokens[:, num_visible:], seed, batch_index, stream=2
        )
        # Measurements take every n-th visible token: of all frames, then.
        visible = _hashing.shuffle(
            tokens[:, :num_visible], seed, batch_index, stream=3
        )
        return [(visible, hidden)]

    def get_config(self):
        return {"ratio": self.ratio}
