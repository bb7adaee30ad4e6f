"""Hugging Face's transformers: a folder that `AutoModel` loads."""

import json
import pathlib
import re

import numpy as np

from layerlock import disk, json_files
from layerlock.models.exports import safetensors
from layerlock.models.exports.base import Export
from layerlock.models.patches import patch_grid

PROCESSOR = "video_preprocessor_config.json"
_ROOM = "layerlock.backends.torch.portable."
_MODULES = ("positions", "encoder", "transformers")


class TransformersExport(Export):
    """A folder with weights, configuration and the code of the network.

    Weights and configuration are those of an export as safetensors.

    Example:

    >>> "trust_remote_code" in TransformersExport().usage("mine", [], "uint8")
    True
    """

    needs = ("torch", "transformers", "safetensors")
    extras = "torch,export"
    runtime = "transformers"
    library = "transformers"

    def write(self, encoder, path, layers, dtype):
        path.mkdir()
        safetensors.write_weights(encoder, path / safetensors.WEIGHTS)
        model = code_name("transformers").removesuffix(".py")
        safetensors.write_config(
            encoder,
            path / safetensors.CONFIG,
            architectures=["LayerLockModel"],
            auto_map={
                "AutoConfig": f"{model}.LayerLockConfig",
                "AutoModel": f"{model}.LayerLockModel",
            },
            dtype="float32",
        )
        for module in _MODULES:
            disk.write(path / code_name(module), portable_code(module).encode())
        write_processor(encoder, path / PROCESSOR)

    def features(self, path, clips, layers):
        from layerlock.backends.torch.portable import loading

        arguments = json_files.read(path / safetensors.CONFIG)["encoder"]
        *states, last = loading.hidden_states(path, processed(path, clips))
        numbers = {
            "embedding": 0,
            **{f"block_{k}": k for k in range(1, arguments["num_layers"] + 1)},
        }
        grid = patch_grid(clips.shape[1:4], arguments["patch_size"])
        return {
            name: (states[numbers[name]] if name in numbers else last).reshape(
                -1, *grid, last.shape[-1]
            )
            for name in layers
        }

    def usage(self, name, layers, dtype):
        return (
            "from transformers import AutoModel\n\n"
            f'model = AutoModel.from_pretrained("{name}", '
            "trust_remote_code=True)\n"
            "features = model(pixel_values_videos).last_hidden_state"
        )


def code_name(module: str) -> str:
    """Name of the exported copy of a module.

    Example:

    >>> code_name("transformers"), code_name("positions")
    ('modeling_layerlock.py', 'positions_layerlock.py')
    """
    part = "modeling" if module == "transformers" else module
    return f"{part}_layerlock.py"


def portable_code(module: str) -> str:
    """The source of a module that needs PyTorch and transformers alone."""
    from layerlock.backends.torch import portable

    [folder] = portable.__path__
    source = (pathlib.Path(folder) / f"{module}.py").read_text()
    return re.sub(
        rf"from {re.escape(_ROOM)}(\w+) import",
        lambda found: f"from .{code_name(found[1])[:-3]} import",
        source,
    )


def write_processor(encoder, path):
    """Writes how clips become the model's input."""
    frames, rows, columns = encoder.clip_shape
    content = {
        "video_processor_type": "VJEPA2VideoProcessor",
        "do_resize": True,
        "do_center_crop": True,
        "crop_size": {"height": rows, "width": columns},
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": _per_channel(encoder.pixel_mean),
        "image_std": _per_channel(encoder.pixel_std),
    }
    disk.write(path, (json.dumps(content, indent=2) + "\n").encode())


def processed(folder, clips) -> np.ndarray:
    """Clips as the exported processor standardises them.

    Args:
        folder: the export.
        clips: pixels from 0 to 255, `(batch, frames, height, width, 3)`.

    Returns:
        float32, shape `(batch, frames, 3, height, width)`.
    """
    settings = json_files.read(folder / PROCESSOR)
    mean, std = np.array(settings["image_mean"]), settings["image_std"]
    pixels = (clips * settings["rescale_factor"] - mean) / std
    return np.moveaxis(pixels, -1, 2).astype("float32")


def _per_channel(value) -> list:
    return np.broadcast_to(value, 3).tolist()
