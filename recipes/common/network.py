"""The encoder that the flags ask for."""

import pathlib

from common import components

from layerlock.models import exported, presets


def encoder_arguments(settings) -> dict:
    """Arguments of the encoder that the flags ask for."""
    if settings["init_from"]:
        arguments = exported.read_config(encoder_folder(settings))
    else:
        arguments = dict(presets.PRESETS[settings["preset"]])
    if settings["patch_size"]:
        arguments["patch_size"] = tuple(settings["patch_size"])
    if settings["positions"]:
        arguments["positions"] = settings["positions"]
    arguments["num_decoder_layers"] = _num_decoder_layers(settings, arguments)
    size = settings["size"]
    arguments["clip_shape"] = (settings["frames"], size, size)
    arguments["remat"] = settings["remat"]
    return arguments


def _num_decoder_layers(settings, arguments) -> int:
    """Blocks that decode: none where the predictor has blocks of its own."""
    if components.objective_class(settings).predictor == "transformer":
        return 0
    # An encoder of V-JEPA has none: then as many as the presets of its depth.
    return arguments["num_decoder_layers"] or min(
        4, max(1, arguments["num_layers"] // 3)
    )


def num_freezable(settings) -> int:
    """How many blocks may freeze: those that do not decode."""
    arguments = encoder_arguments(settings)
    return arguments["num_layers"] - arguments["num_decoder_layers"]


def encoder_folder(settings) -> pathlib.Path:
    """The exported encoder to start from; a run directory holds one."""
    path = pathlib.Path(settings["init_from"])
    of_run = exported.readable_path(path / "encoder")
    return of_run if of_run.is_dir() else path


def encoder_name(settings) -> str:
    """What a person calls the encoder that the flags ask for."""
    return settings["preset"] or str(settings["init_from"])


def dtype(settings) -> str:
    """Name of the precision policy."""
    precision = settings["mixed_precision"]
    return "float32" if precision == "none" else f"mixed_{precision}"
