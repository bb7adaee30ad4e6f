"""Hugging Face's transformers: a folder that `AutoModel` loads."""

import pathlib
import re

import numpy as np

from layerlock import disk, json_files
from layerlock.models.exports import _vjepa2, safetensors
from layerlock.models.exports.base import Export

PROCESSOR = "video_preprocessor_config.json"
NO_PREDICTOR_NOTE = (
    "The predictor is left out: only a `VJEPA2Model` has one, which cannot "
    "express this encoder."
)
_ROOM = "layerlock.backends.torch.portable."
_MODULES = ("positions", "encoder", "transformers")


class TransformersExport(Export):
    """A folder with weights and configuration, read by `AutoModel`.

    An encoder that `VJEPA2Model` can express is written as one. Every other
    has the weights and the configuration of an export as safetensors, and the
    code of its network, which transformers runs with `trust_remote_code`.

    Example:

    >>> TransformersExport().needs
    ('torch', 'transformers', 'safetensors')
    """

    needs = ("torch", "transformers", "safetensors")
    extras = "torch,export"
    runtime = "transformers"
    library = "transformers"
    holds = ("predictor",)

    def write(self, networks, path, layers, dtype):
        path.mkdir()
        notes = write_processor(networks.encoder, path / PROCESSOR)
        if _vjepa2.expresses(networks.encoder):
            return notes + write_vjepa2(networks, path)
        return notes + write_own(networks, path)

    def features(self, path, clips, layers):
        from layerlock.backends.torch.portable import loading

        states = loading.hidden_states(path, processed(path, clips))
        numbers = {"final_norm": -1, "embedding": 0}
        numbers |= {f"block_{k}": k for k in range(1, len(states))}
        return {name: states[numbers[name]] for name in layers}

    def free_axes(self, encoder):
        # `VJEPA2Model` numbers rows and columns by the size that it was made
        # for.
        return (0,) if _vjepa2.expresses(encoder) else (0, 1, 2)

    def usage(self, name, encoder, layers):
        if _vjepa2.expresses(encoder):
            load, skip = f'"{name}"', ", skip_predictor=True"
        else:
            load, skip = f'"{name}", trust_remote_code=True', ""
        return (
            "from transformers import AutoModel\n\n"
            f"model = AutoModel.from_pretrained({load})\n"
            f"features = model(pixel_values_videos{skip}).last_hidden_state"
        )


def write_own(networks, path: pathlib.Path) -> list[str]:
    """Writes an encoder with the code of its network; returns notes."""
    encoder = networks.encoder
    notes = ["transformers runs the code in the folder: `trust_remote_code`."]
    if networks.predictor is not None:
        notes.append(NO_PREDICTOR_NOTE)
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
    return notes


def write_vjepa2(networks, path: pathlib.Path) -> list[str]:
    """Writes an encoder as `VJEPA2Model`; returns notes."""
    encoder, predictor = networks.encoder, networks.predictor
    notes = ["It is a `VJEPA2Model`: no code is run from the folder."]
    if predictor is None or not _vjepa2.expresses_predictor(encoder, predictor):
        predictor = None
        notes.append(_vjepa2.ZEROS_NOTE)
    safetensors.write_arrays(
        _vjepa2.arrays(encoder, predictor), path / safetensors.WEIGHTS
    )
    safetensors.write_json(
        _vjepa2.config(encoder, predictor), path / safetensors.CONFIG
    )
    return notes


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


def write_processor(encoder, path) -> list[str]:
    """Writes how clips become the model's input; returns notes.

    The processor takes the size that it resizes to from the height alone, and
    would fill a wider crop with black.
    """
    _, rows, columns = encoder.clip_shape
    is_square = rows == columns
    content = {
        "video_processor_type": "VJEPA2VideoProcessor",
        "do_resize": is_square,
        "do_center_crop": is_square,
        "crop_size": {"height": rows, "width": columns},
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": _per_channel(encoder.pixel_mean),
        "image_std": _per_channel(encoder.pixel_std),
    }
    safetensors.write_json(content, path)
    if is_square:
        return []
    return [
        f"Resize clips to {rows}x{columns} before the processor, which resizes "
        "to squares alone."
    ]


def processed(folder, clips) -> np.ndarray:
    """Clips as the exported processor standardises them.

    Args:
        folder: the export.
        clips: pixels from 0 to 255, `(batch, frames, height, width, 3)`.

    Returns:
        float32, shape `(batch, frames, 3, height, width)`.
    """
    # What was written, not the encoder's own numbers: they are to be checked.
    processor = json_files.read(folder / PROCESSOR)
    mean, std = np.array(processor["image_mean"]), processor["image_std"]
    pixels = (clips * processor["rescale_factor"] - mean) / std
    return np.moveaxis(pixels, -1, 2).astype("float32")


def _per_channel(value) -> list:
    return np.broadcast_to(value, 3).tolist()
