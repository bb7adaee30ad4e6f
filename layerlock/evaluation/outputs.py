"""The outputs of a trained readout: their number, loss and decoding."""

import abc
import math

import keras
import numpy as np
from keras import ops


class Outputs(abc.ABC):
    """Converts between the targets of a task and the outputs of a readout.

    Attributes:
        num_queries: int, predictions per clip.
        output_dim: int, outputs per prediction.
        loss: the training loss of encoded targets and outputs.
        is_dense: bool, whether there is a prediction for every pixel.
    """

    is_dense = False
    num_queries: int
    output_dim: int
    loss: object

    @abc.abstractmethod
    def encode(self, truth) -> np.ndarray:
        """Converts targets to the form of the outputs, for the loss."""

    @abc.abstractmethod
    def decode(self, outputs) -> np.ndarray:
        """Converts outputs `(batch, num_queries, output_dim)` to answers."""


class Classes(Outputs):
    """One query, and a logit for each class; answers are probabilities.

    Args:
        num_classes: int.

    Example:

    >>> Classes(2).decode(np.zeros((1, 1, 2))).tolist()
    [[0.5, 0.5]]
    """

    num_queries = 1

    def __init__(self, num_classes: int):
        self.output_dim = num_classes
        self.loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def encode(self, truth):
        return np.asarray(truth)[:, None]

    def decode(self, outputs):
        logits = np.asarray(outputs)[:, 0]
        logits = np.exp(logits - logits.max(axis=-1, keepdims=True))
        return logits / logits.sum(axis=-1, keepdims=True)


class DepthBlocks(Outputs):
    """One query per block of pixels, and the log depth of each pixel.

    Log depths are standardised over the training maps.

    Args:
        block: tuple of 3 ints, frames, rows and columns of a block.
        clip_shape: tuple of 3 ints, frames, rows and columns of a clip.
        depths: the training maps, NaN where unknown, for the mean and the
            spread of their logarithm.
    """

    is_dense = True

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
        self.num_queries = math.prod(self.grid)
        self.output_dim = math.prod(self.block)
        self.loss = known_error
        logs = _log(depths)
        self.mean = float(np.nanmean(logs))
        self.spread = float(np.nanstd(logs)) + 1e-6

    def encode(self, truth):
        """From `(batch, frames, height, width)` to `(batch, blocks, values)`.

        Unknown depths stay NaN.
        """
        x = (_log(truth) - self.mean) / self.spread
        x = x.reshape(
            len(x),
            *(
                n
                for pair in zip(self.grid, self.block, strict=True)
                for n in pair
            ),
        )
        x = x.transpose(0, 1, 3, 5, 2, 4, 6)
        return x.reshape(len(x), self.num_queries, -1).astype("float32")

    def decode(self, outputs):
        """From `(batch, blocks, values)` to depths: the inverse of `encode`."""
        x = np.asarray(outputs).reshape(-1, *self.grid, *self.block)
        x = x.transpose(0, 1, 4, 2, 5, 3, 6)
        shape = [g * b for g, b in zip(self.grid, self.block, strict=True)]
        return np.exp(x.reshape(-1, *shape) * self.spread + self.mean)


@keras.saving.register_keras_serializable("layerlock")
def known_error(truth, predicted):
    """Mean absolute error over known targets, which are not NaN."""
    known = ops.logical_not(ops.isnan(truth))
    error = ops.abs(ops.subtract(ops.where(known, truth, predicted), predicted))
    return ops.sum(error) / ops.maximum(
        ops.sum(ops.cast(known, error.dtype)), 1.0
    )


def _log(depths):
    depths = np.asarray(depths, "float32")
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(depths > 0, np.log(depths), np.nan)
