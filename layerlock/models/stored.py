"""Checks of exported encoders, whose files may come from anywhere.

The configuration says how much memory an encoder takes. It is compared with
the size of the weights before anything is built.
"""

import hashlib
import json
import math
import pathlib

from layerlock import disk, json_files
from layerlock.models.presets import num_parameters

CLASS_NAME = "layerlock>VideoEncoder"
# Keras stores a parameter in 2 bytes or more, and never compresses it.
_BYTES_PER_PARAMETER = 1
_BYTES_PER_BLOCK = 1000  # the headers of its arrays, at least
_MAX_PIXELS = 2**40  # of a clip; more would overflow positions
_MAX_EXPANSION = 20  # of a file that another program has compressed

_COUNT = json_files.Kind(
    "a whole number, at least 1",
    lambda x: json_files.is_whole(x) and x >= 1,
)
_SHAPE = json_files.Kind(
    "three whole numbers, at least 1",
    lambda x: json_files.list_of(_COUNT).accepts(x) and len(x) == 3,
)
_CHANNELS = json_files.one_of(
    json_files.NUMBER,
    json_files.Kind(
        "three numbers",
        lambda x: (
            json_files.list_of(json_files.NUMBER).accepts(x) and len(x) == 3
        ),
    ),
)
_ARGUMENTS = {
    "num_layers": _COUNT,
    "num_heads": _COUNT,
    "hidden_dim": _COUNT,
    "mlp_dim": _COUNT,
    "patch_size": _SHAPE,
    "clip_shape": _SHAPE,
    "positions": json_files.TEXT,
    "num_decoder_layers": json_files.WHOLE,
    "pixel_mean": _CHANNELS,
    "pixel_std": _CHANNELS,
    "wavelength": json_files.NUMBER,
    "remat": json_files.one_of(json_files.FLAG, json_files.TEXT),
    "position_grid": json_files.optional(_SHAPE),
    "epsilon": json_files.NUMBER,
    "activation": json_files.TEXT,
    "final_norm": json_files.FLAG,
    "final_norm_epsilon": json_files.optional(json_files.NUMBER),
    "name": json_files.TEXT,
    "trainable": json_files.FLAG,
    "dtype": json_files.optional(
        json_files.one_of(json_files.TEXT, json_files.OBJECT)
    ),
}
_REQUIRED = ("num_layers", "num_heads", "hidden_dim", "mlp_dim")


def check_config(config, place):
    """Raises `ValueError` unless these are arguments of an encoder.

    Args:
        config: what the file holds under `config`.
        place: the file, for the message.
    """
    if not isinstance(config, dict):
        raise ValueError(
            f"{place} must hold the arguments of an encoder. Received: "
            f"{json_files.shown(config)}. Export the encoder again."
        )
    unknown = sorted(map(str, config.keys() - _ARGUMENTS.keys()))
    if unknown:
        raise ValueError(
            f"{place} has arguments that no encoder takes: "
            f"{json_files.shown(unknown)}. Expected some of "
            f"{list(_ARGUMENTS)}."
        )
    json_files.check(config, _ARGUMENTS, place, required=_REQUIRED)
    pixels = math.prod(config.get("clip_shape", ()))
    if pixels > _MAX_PIXELS:
        raise ValueError(
            f"{place} describes clips of {pixels:,} pixels. Expected at most "
            f"{_MAX_PIXELS:,}: `clip_shape` is frames, rows and columns."
        )


def check_size(config: dict, num_bytes: int, place):
    """Raises `ValueError` if an encoder is larger than its weights.

    Args:
        config: of the encoder, checked.
        num_bytes: int, size of the stored weights.
        place: the file of the weights, for the message.
    """
    parameters = num_parameters(**{"patch_size": (2, 16, 16), **config})
    if config.get("positions") == "learned":
        parameters += _positions(config) * config["hidden_dim"]
    needed = _BYTES_PER_PARAMETER * parameters
    needed = max(needed, _BYTES_PER_BLOCK * config["num_layers"])
    if num_bytes < needed:
        raise ValueError(
            f"The configuration describes an encoder of "
            f"{config['num_layers']:,} blocks and {parameters:,} parameters, "
            f"but {place} has {num_bytes:,} bytes. One of them belongs to "
            "another encoder, or was copied in part. Export the encoder again."
        )


def _positions(config) -> int:
    if config.get("position_grid"):
        return math.prod(config["position_grid"])
    clip, patch = (
        config.get(name, default)
        for name, default in (
            ("clip_shape", (16, 224, 224)),
            ("patch_size", (2, 16, 16)),
        )
    )
    return math.prod(-(-n // p) for n, p in zip(clip, patch, strict=True))


def check_digest(config, weights):
    """Raises `ValueError` if the weights are not those that were written.

    Encoders that were written before there were checksums have none.

    Args:
        config: path of the configuration, which has the checksum.
        weights: path of the weights.
    """
    known = json_files.read(config).get("sha256")
    known = known.get(weights.name) if isinstance(known, dict) else None
    if known is not None and disk.digest(weights) != known:
        raise ValueError(
            f"{weights} is damaged: it does not match its checksum in "
            f"{config.name}. Copy the folder again, or resume the run that it "
            "comes from, which writes it again."
        )


def identify(config, weights) -> str:
    """A checksum of an encoder: of its arguments and its weights.

    Args:
        config: path of the configuration.
        weights: path of the weights. They are only read if the configuration
            has no checksum of them; loading compares the two.
    """
    content = json_files.read(config)
    known = content.get("sha256")
    known = known.get(weights.name) if isinstance(known, dict) else None
    parts = [content.get("config"), known or disk.digest(weights)]
    text = json.dumps(parts, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def check_weights(path):
    """Raises `ValueError` if arrays of an HDF5 file are larger than the file.

    A header may claim any shape without storing it.
    """
    import h5py  # a dependency of Keras

    claimed = 0

    def add(_, entry):
        nonlocal claimed
        if isinstance(entry, h5py.Dataset):
            claimed += entry.nbytes

    with h5py.File(path) as file:
        file.visititems(add)
    size = pathlib.Path(path).stat().st_size
    if claimed > _MAX_EXPANSION * size:
        raise ValueError(
            f"The arrays of {path} claim {claimed:,} bytes, but the file has "
            f"{size:,}. It was copied in part, or made to fill the memory."
        )
