"""Weights and configuration alone, for any program."""

import json

from layerlock import disk
from layerlock.models import foreign, portable
from layerlock.models.exports.base import Export, keras_features
from layerlock.models.foreign.layerlock import MODEL_TYPE, PREFIX

CONFIG = "config.json"
WEIGHTS = "model.safetensors"


class SafetensorsExport(Export):
    """A folder with `config.json` and `model.safetensors`.

    Weights have the names and shapes of PyTorch: the kernel of a linear map
    is `(outputs, inputs)`, and `encoder.blocks.1` is block 1.

    Example:

    >>> SafetensorsExport().usage("mine", None, []).splitlines()[-1]
    'weights = load_file("mine/model.safetensors")'
    """

    needs = ("safetensors",)
    library = "safetensors"

    def write(self, networks, path, layers, dtype):
        path.mkdir()
        write_weights(networks.encoder, path / WEIGHTS)
        write_config(networks.encoder, path / CONFIG)
        return []

    def features(self, path, clips, layers):
        encoder = foreign.read(path, "layerlock").encoder
        return keras_features(encoder, clips, layers)

    def usage(self, name, encoder, layers):
        return (
            "from safetensors.numpy import load_file\n\n"
            f'weights = load_file("{name}/{WEIGHTS}")'
        )


def write_weights(encoder, path):
    """Writes the weights of an encoder to a file of safetensors."""
    arrays = portable.to_arrays(encoder)
    write_arrays({PREFIX + name: x for name, x in arrays.items()}, path)


def write_arrays(arrays: dict, path):
    """Writes NumPy arrays by name to a file of safetensors."""
    from safetensors.numpy import save_file

    # transformers loads files of PyTorch alone.
    save_file(arrays, path, metadata={"format": "pt"})
    disk.flush(path)


def write_config(encoder, path, **more):
    """Writes the arguments of an encoder.

    Args:
        encoder: a `VideoEncoder`.
        path: of the file.
        **more: further entries.
    """
    content = {
        "model_type": MODEL_TYPE,
        "encoder": portable.arguments(encoder),
        "num_decoder_layers": encoder.num_decoder_layers,
        **more,
    }
    write_json(content, path)


def write_json(content: dict, path):
    """Writes indented JSON."""
    disk.write(path, (json.dumps(content, indent=2) + "\n").encode())
