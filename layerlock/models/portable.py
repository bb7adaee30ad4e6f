"""Weights and arguments of an encoder as programs without Keras have them.

Names and shapes are those of `layerlock/backends/torch/portable/encoder.py`:
the kernel of a linear map is `(outputs, inputs)`, as in PyTorch, and block 1
is `blocks.1`.
"""

import numpy as np
from keras import ops

# Arguments that change no feature.
OF_TRAINING = ("name", "trainable", "dtype", "remat", "num_decoder_layers")
_WORDS = {"kernel": "weight", "gamma": "weight", "beta": "bias"}
_BLOCK = (
    "attention_norm",
    "qkv",
    "attention_output",
    "mlp_norm",
    "mlp_expand",
    "mlp_output",
)


def arguments(encoder) -> dict:
    """The arguments of an encoder on which its features depend."""
    return {
        name: value
        for name, value in encoder.get_config().items()
        if name not in OF_TRAINING
    }


def to_arrays(encoder, last_layer: int | None = None) -> dict:
    """Returns the weights of an encoder, by portable name.

    Args:
        encoder: a `VideoEncoder`.
        last_layer: int, number of the last layer that is needed. Defaults to
            `None`, all.

    Returns:
        dict from name, such as `"blocks.1.qkv.weight"`, to array.
    """
    arrays = {}
    for path, variable in variables(encoder, last_layer):
        value = ops.convert_to_numpy(variable)
        if is_kernel(path):
            value = value.T
        arrays[portable_name(path)] = np.ascontiguousarray(value)
    return arrays


def variables(encoder, last_layer: int | None = None):
    """Yields layer and name of each variable, and the variable.

    Args:
        encoder, last_layer: as for `to_arrays`.
    """
    names = encoder.layer_names
    unneeded = [] if last_layer is None else names[last_layer + 1 :]
    for layer in encoder.all_layers:
        if layer.name not in unneeded:
            for variable in layer.variables:
                yield f"{layer.name}/{variable.name}", variable


def portable_name(path: str) -> str:
    """Returns the portable name of a variable.

    Args:
        path: str, layer and variable.

    Example:

    >>> portable_name("block_2/qkv_kernel")
    'blocks.2.qkv.weight'
    >>> portable_name("final_norm/norm_beta")
    'final_norm.bias'
    """
    layer, variable = path.split("/")
    kind, _, number = layer.rpartition("_")
    if kind == "block":
        layer = f"blocks.{number}"
    part, _, word = variable.rpartition("_")
    parts = [layer, part, _WORDS.get(word, word)]
    return ".".join(p for p in parts if p not in ("", "norm"))


def is_kernel(path: str) -> bool:
    """Whether a variable is stored transposed."""
    return path.endswith("kernel")


def paths(config: dict):
    """Yields the variables of an encoder, as layer and name.

    Args:
        config: dict, arguments of the encoder.

    Example:

    >>> list(paths({"num_layers": 0, "final_norm": True}))[-1]
    'final_norm/norm_beta'
    """
    yield from ("patch_embedding/kernel", "patch_embedding/bias")
    if config.get("positions") == "learned":
        yield "learned_positions/table"
    for number in range(1, config["num_layers"] + 1):
        for part in _BLOCK:
            words = ("gamma", "beta")
            if not part.endswith("norm"):
                words = ("kernel", "bias")
            yield from (f"block_{number}/{part}_{word}" for word in words)
    if config.get("final_norm"):
        yield from ("final_norm/norm_gamma", "final_norm/norm_beta")
