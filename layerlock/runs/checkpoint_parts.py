"""Loads the weights of one layer of a checkpoint."""

import pathlib

import keras

from layerlock.models import stored
from layerlock.runs import checkpoints


def load_part(checkpoint, name: str, layer):
    """Loads the weights of one layer of the model of a checkpoint.

    Args:
        checkpoint: path of a checkpoint.
        name: str, the attribute of the model, such as `"predictor"`.
        layer: a built layer of the same sizes; nothing is known of its weights
            if this raises.

    Raises:
        ValueError: if the checkpoint does not fit the layer.
    """
    path = pathlib.Path(checkpoint) / checkpoints.WEIGHTS
    if not path.exists():
        raise ValueError(
            f"{checkpoint} has its weights in parts, of which no layer is read "
            "alone. Resume the run once on one device, which writes them in "
            "one file."
        )
    try:
        stored.check_weights(path)
        _Part(name, layer).load_weights(path)
    except Exception as error:
        # A file of another program may raise any exception in HDF5.
        raise ValueError(
            f"{checkpoint} has another {name}, or is damaged: {error}"
        ) from None


class _Part(keras.Model):
    """A model with one layer of another, at the same place in its files."""

    def __init__(self, name, layer):
        super().__init__()
        setattr(self, name, layer)
        self.built = True

    def load_own_variables(self, store):
        pass  # those of the model itself
