"""Hide tokens at random."""

import math

import keras
from keras import ops

from layerlock.core.pretraining.masks import _hashing
from layerlock.core.pretraining.masks.base import Mask, valid_ratio


@keras.saving.register_keras_serializable("layerlock")
class RandomMask(Mask):
    """Hides a share of the tokens, drawn independently for each clip.

    Reference: [Masked Autoencoders As Spatiotemporal Learners, Feichtenhofer
    et al., 2022](https://arxiv.org/abs/2205.09113).

    Args:
        ratio: float, the share of the tokens to hide. Defaults to `0.95`.

    Example:

    >>> RandomMask().counts((8, 14, 14))
    [(78, 1490)]
    """

    def __init__(self, ratio: float = 0.95):
        self.ratio = valid_ratio(ratio)

    def counts(self, grid):
        num_tokens = math.prod(grid)
        num_visible = round(num_tokens * (1 - self.ratio))
        return [(num_visible, num_tokens - num_visible)]

    def draw(self, batch_size, grid, seed, batch_index):
        [(num_visible, _)] = self.counts(grid)
        keys = _hashing.permutation_keys(
            batch_size, math.prod(grid), seed, batch_index
        )
        order = ops.cast(ops.argsort(keys, axis=1), "int32")  # (batch, tokens)
        return [(order[:, :num_visible], order[:, num_visible:])]

    def get_config(self):
        return {"ratio": self.ratio}
