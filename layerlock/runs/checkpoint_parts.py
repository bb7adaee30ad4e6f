"""The weights of one layer of a checkpoint."""

import pathlib

import keras

from layerlock import backends
from layerlock.models import stored
from layerlock.runs import checkpoints


def names_of(model, layer) -> list[str]:
    """The names of the variables of a layer among those of its model.

    Args:
        model: compiled.
        layer: one of the model.
    """
    names = {
        id(v): name for name, v in checkpoints.named_variables(model).items()
    }
    return [names[id(variable)] for variable in layer.variables]


def load_part(checkpoint, name: str, layer, names):
    """Loads the weights of one layer of the model of a checkpoint.

    Args:
        checkpoint: path of a checkpoint.
        name: str, the attribute of the model, such as `"predictor"`.
        layer: a built layer of the same sizes; nothing is known of its weights
            if this raises.
        names: list of str, of its variables in checkpoints of weights in
            parts, see `names_of`.

    Raises:
        ValueError: if the checkpoint does not fit the layer.
    """
    path = pathlib.Path(checkpoint) / checkpoints.WEIGHTS
    shards = pathlib.Path(checkpoint) / checkpoints.SHARDS
    try:
        if shards.is_dir():
            variables = dict(zip(names, layer.variables, strict=True))
            backends.load_shards(shards, variables, is_part=True)
            return
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
