"""A trained readout beside an exported encoder."""

import json
import math
import pathlib

from layerlock import disk, json_files
from layerlock.models import layer_files, weights
from layerlock.models.deep_readout import DeepAttentiveReadout
from layerlock.models.foreign.base import Readout
from layerlock.models.readout import AttentiveReadout

CONFIG = "readout.json"
WEIGHTS = "readout.npz"
_KINDS = {
    f"layerlock>{kind.__name__}": kind
    for kind in (AttentiveReadout, DeepAttentiveReadout)
}
_COUNT = json_files.Kind(
    "a whole number, at least 1", lambda x: json_files.is_whole(x) and x >= 1
)
_CONTENT = {
    "class_name": json_files.Kind(
        f"one of {list(_KINDS)}",
        lambda x: json_files.is_text(x) and x in _KINDS,
    ),
    "config": json_files.OBJECT,
    "layer": json_files.TEXT,
    "input_shape": json_files.Kind(
        "four whole numbers, at least 1",
        lambda x: json_files.list_of(_COUNT).accepts(x) and len(x) == 4,
    ),
    "class_names": json_files.list_of(json_files.TEXT),
    "sha256": json_files.TEXT,
}
_SIZES = ("output_dim", "num_queries", "mlp_dim")


def save(readout: Readout, input_shape, folder):
    """Writes a readout to `readout.json` and `readout.npz`.

    Args:
        readout: a `Readout` with a layer.
        input_shape: frames, rows, columns and width of the features.
        folder: of an exported encoder.
    """
    folder, layer = pathlib.Path(folder), readout.network
    config = layer.get_config()
    config["dtype"] = layer.dtype_policy.name
    config["mlp_dim"] = config["mlp_dim"] or 4 * input_shape[-1]
    content = {
        "class_name": f"layerlock>{type(layer).__name__}",
        "config": config,
        "layer": readout.layer,
        "input_shape": list(input_shape),
        "class_names": list(readout.class_names),
        "sha256": layer_files.save(layer, folder / WEIGHTS),
    }
    text = json.dumps(content, indent=2)
    disk.write(folder / CONFIG, (text + "\n").encode())


def load(folder) -> Readout | None:
    """Reads the readout of a folder; `None` if there is none.

    Raises:
        ValueError: if its files are damaged, or do not fit each other.
    """
    place = pathlib.Path(folder) / CONFIG
    if not place.exists():
        return None
    content = json_files.read(place)
    json_files.check(content, _CONTENT, place, required=_CONTENT)
    file = pathlib.Path(folder) / WEIGHTS
    arrays = layer_files.read(file, content["sha256"], CONFIG)
    shape = tuple(content["input_shape"])
    _check_size(content["config"], shape, arrays, place)
    kind = _KINDS[content["class_name"]]
    try:
        with weights.without_initial_values():
            layer = kind.from_config(content["config"])
            layer.build((None, *shape))
        layer_files.fill(layer, arrays)
    except (ValueError, TypeError, KeyError, ArithmeticError) as error:
        raise ValueError(
            f"No readout can be built from {place}: {error}"
        ) from error
    names = tuple(content["class_names"])
    if names and len(names) != layer.output_dim:
        raise ValueError(
            f"{place} names {len(names)} classes, and its readout has "
            f"{layer.output_dim} outputs. Convert the weights again."
        )
    return Readout(content["layer"], layer, kind, names)


def _check_size(config, shape, arrays, place):
    """Raises if a readout has more weights than its file."""
    inner = "num_blocks" if "num_blocks" in config else "hidden_dim"
    kinds = dict.fromkeys((*_SIZES, inner), _COUNT)
    others = {
        "name": layer_files.NAME,
        "num_frames": json_files.optional(_COUNT),
    }
    json_files.check(config, kinds | others, place, required=kinds)
    outputs, queries, mlp_dim, number = (
        config[name] for name in (*_SIZES, inner)
    )
    # Of the linear maps and queries; norms and biases are left out.
    frames, _, _, width = shape
    if inner == "num_blocks":
        needed = width * (
            number * (3 * width + 2 * mlp_dim) + queries + outputs
        )
    else:
        frames = config.get("num_frames") or frames
        maps = 2 * width + 2 * number + 2 * mlp_dim
        needed = number * (maps + queries + outputs) + frames * width
    stored = sum(math.prod(shape) for shape, _ in arrays.values())
    if needed > stored:
        raise ValueError(
            f"{place} describes a readout of {needed:,} weights or more, but "
            f"{WEIGHTS} has {stored:,}. One of them belongs to another."
        )
