"""The weights of one layer as an `.npz` file."""

import pathlib

import numpy as np
from keras import ops

from layerlock import disk, json_files
from layerlock.models.foreign import _npz

# The paths of the weights of a layer begin with its name.
NAME = json_files.Kind("a name", lambda x: json_files.is_text(x) and x != "")


def save(layer, file: pathlib.Path) -> str:
    """Writes the weights of a layer; returns the SHA-256 of the file."""
    with disk.named(file):
        np.savez(
            file,
            **{
                path: ops.convert_to_numpy(variable)
                for path, variable in variables(layer)
            },
        )
    disk.flush(file)
    return disk.digest(file)


def read(file: pathlib.Path, digest: str, config: str) -> dict:
    """Returns the arrays of a file, see `_npz.entries`.

    Args:
        file: written by `save`.
        digest: str, its SHA-256.
        config: str, name of the file that tells the digest.

    Raises:
        ValueError: if the file is missing or damaged.
    """
    if not file.is_file() or disk.digest(file) != digest:
        raise ValueError(
            f"{file} is missing or damaged: it does not match its checksum in "
            f"{config}. Convert the weights again."
        )
    return _npz.entries(file)


def fill(layer, arrays: dict):
    """Assigns the arrays of `read`; raises unless all of them fit."""
    left = dict(arrays)
    for path, variable in variables(layer):
        shape, read_array = left.pop(path)
        if tuple(shape) != tuple(variable.shape):
            raise ValueError(f"{path} has shape {shape}.")
        variable.assign(read_array())
    if left:
        raise ValueError(f"Unknown arrays: {sorted(left)}.")


def variables(layer):
    """Yields path, without the name of the layer, and variable."""
    for variable in layer.variables:
        yield variable.path.split("/", 1)[1], variable
