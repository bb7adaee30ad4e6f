"""Programs of an encoder: a traced graph that takes clips, with its weights."""

import contextlib
import logging
import warnings

import numpy as np
import torch
from torch import nn

from layerlock.backends.torch.portable.encoder import PyTorchEncoder

_AXES = ("frames", "rows", "columns")
_LARGEST_FILE = 1_900_000_000  # bytes; a file of protobuf holds at most 2 GiB


class FeatureProgram(nn.Module):
    """Features of chosen layers, of clips.

    Args:
        encoder: a `PyTorchEncoder`.
        layers: dict from name to number of a layer; 0 is the embedding.

    Call arguments:
        clips: 8-bit pixels, or floats from 0 to 255. Shape
            `(batch, frames, height, width, 3)`.

    Output shape:
        A dict from name to `(batch, frames, rows, columns, hidden_dim)`,
        counted in patches.
    """

    def __init__(self, encoder, layers: dict):
        super().__init__()
        self.encoder = encoder
        self.layers = dict(layers)

    def forward(self, clips):
        pixels = self.encoder.standardise(clips)
        features = self.encoder(pixels)
        grid = self.encoder.grid(pixels)
        shape = (-1, *grid, self.encoder.hidden_dim)
        return {
            name: features[number].reshape(shape)
            for name, number in self.layers.items()
        }


def build(config: dict, arrays: dict, layers: dict) -> FeatureProgram:
    """Builds a program from weights.

    Args:
        config: arguments of `PyTorchEncoder`.
        arrays: dict from name to NumPy array, which the program shares.
        layers: as for `FeatureProgram`.
    """
    with torch.device("meta"):  # without memory for other values
        encoder = PyTorchEncoder(**config)
    state = {name: torch.from_numpy(array) for name, array in arrays.items()}
    encoder.load_state_dict(state, assign=True)
    return FeatureProgram(encoder, layers).requires_grad_(False).eval()


def trace(program: FeatureProgram, clip_shape, axes, dtype: str):
    """Traces a program for any batch, and for clips of other sizes.

    Args:
        program: the program.
        clip_shape: 3 ints, frames, rows and columns of an example.
        axes: some of 0, 1 and 2, the axes of any size. The example has two
            patches or more along them.
        dtype: str, of the clips.

    Returns:
        A `torch.export.ExportedProgram`.
    """
    clips = torch.zeros((2, *clip_shape, 3), dtype=getattr(torch, dtype))
    sizes = {0: torch.export.Dim("batch", min=1)}
    for axis in axes:
        patches = torch.export.Dim(f"{_AXES[axis]}_of_patches", min=2)
        sizes[1 + axis] = program.encoder.patch_size[axis] * patches
    with _quiet():
        return torch.export.export(
            program, (clips,), dynamic_shapes=(sizes,), strict=False
        )


def save(traced, path):
    """Writes a traced program as a file of `torch.export`."""
    with _quiet():
        torch.export.save(traced, path)


def run(path, clips: np.ndarray) -> dict:
    """Loads a file of `torch.export`, and returns its features of clips."""
    with _quiet(), torch.no_grad():
        features = torch.export.load(path).module()(torch.from_numpy(clips))
    return {name: tensor.numpy() for name, tensor in features.items()}


def save_onnx(traced, path, names: list):
    """Writes a traced program as ONNX; large weights are in a second file.

    Args:
        traced: result of `trace`.
        path: of the file. That of the weights is `PATH.data`.
        names: list of str, names of the outputs.
    """
    num_bytes = sum(
        tensor.numel() * tensor.element_size()
        for tensor in traced.state_dict.values()
    )
    with _quiet():
        torch.onnx.export(
            traced,
            f=path,
            input_names=["clips"],
            output_names=names,
            dynamo=True,
            external_data=num_bytes > _LARGEST_FILE,
            verbose=False,
        )


@contextlib.contextmanager
def _quiet():
    """Without notes of PyTorch on its own code, and on missing packages."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    finally:
        logger.setLevel(level)
