"""A predictor beside an exported encoder, for continued training."""

import json
import math
import pathlib

from layerlock import disk, json_files
from layerlock.models import layer_files, weights
from layerlock.models.decoder import PatchwiseDecoder
from layerlock.models.predictor import LatentPredictor

CONFIG = "predictor.json"
WEIGHTS = "predictor.npz"
# Those that a checkpoint describes, and what an objective calls them.
NAMES = {LatentPredictor: "transformer", PatchwiseDecoder: "patchwise"}
KINDS = {f"layerlock>{kind.__name__}": kind for kind in NAMES}
_CLASS_NAME = "layerlock>LatentPredictor"
_KINDS = {
    "class_name": json_files.TEXT,
    "config": json_files.OBJECT,
    "sha256": json_files.TEXT,
}
_COUNT = json_files.Kind(
    "a whole number, at least 1", lambda x: json_files.is_whole(x) and x >= 1
)
_GRID = json_files.optional(json_files.list_of(_COUNT))
_REQUIRED = (
    "num_layers",
    "predictor_dim",
    "mlp_dim",
    "hidden_dim",
    "patch_dim",
    "num_mask_kinds",
    "num_latent_heads",
)
_SIZES = {
    **dict.fromkeys(_REQUIRED, _COUNT),
    "name": layer_files.NAME,
    "clip_grid": _GRID,
    "position_grid": _GRID,
    "predicts_visible": json_files.FLAG,
}


def save(predictor, folder):
    """Writes a `LatentPredictor` to `predictor.json` and `predictor.npz`.

    Args:
        predictor: the predictor.
        folder: of an exported encoder.
    """
    folder = pathlib.Path(folder)
    content = {
        **describe(predictor),
        "sha256": layer_files.save(predictor, folder / WEIGHTS),
    }
    text = json.dumps(content, indent=2)
    disk.write(folder / CONFIG, (text + "\n").encode())


def describe(predictor) -> dict | None:
    """Class and arguments of a predictor, as JSON; `None` for other classes."""
    if type(predictor) not in NAMES:
        return None
    config = predictor.get_config()
    config["dtype"] = predictor.dtype_policy.name
    return {
        "class_name": f"layerlock>{type(predictor).__name__}",
        "config": config,
    }


def read_config(folder) -> dict | None:
    """Reads the arguments of the predictor of a folder; `None` without one.

    Raises:
        ValueError: if the file is damaged.
    """
    content = _read(folder)
    return content and content["config"]


def _read(folder) -> dict | None:
    place = pathlib.Path(folder) / CONFIG
    if not place.exists():
        return None
    content = json_files.read(place)
    json_files.check(content, _KINDS, place, required=_KINDS)
    if content["class_name"] != _CLASS_NAME:
        raise ValueError(
            f"{place} describes {content['class_name']!r}. Expected "
            f"{_CLASS_NAME!r}."
        )
    return content


def load(folder) -> LatentPredictor | None:
    """Reads the predictor of a folder; `None` if there is none.

    Raises:
        ValueError: if its files are damaged, or do not fit each other.
    """
    place, file = (pathlib.Path(folder) / name for name in (CONFIG, WEIGHTS))
    content = _read(folder)
    if content is None:
        return None
    arrays = layer_files.read(file, content["sha256"], CONFIG)
    _check_size(content["config"], arrays, place)
    try:
        with weights.without_initial_values():
            predictor = LatentPredictor.from_config(content["config"])
        layer_files.fill(predictor, arrays)
    except (ValueError, TypeError, KeyError, ArithmeticError) as error:
        raise ValueError(
            f"No predictor can be built from {place}: {error}"
        ) from error
    return predictor


def _check_size(config, arrays, place):
    """Raises if a predictor has more weights than its file."""
    json_files.check(config, _SIZES, place, required=_REQUIRED)
    layers, width, mlp_dim, hidden_dim, patch_dim, masks, heads = (
        config[name] for name in _REQUIRED
    )
    # Of the linear maps, mask tokens and learned positions; biases are left
    # out.
    rows = layers * (4 * width + 2 * mlp_dim)
    latent_dim = config.get("latent_dim") or hidden_dim
    outputs = latent_dim * heads + patch_dim
    outputs *= 2 if config.get("predicts_visible") else 1
    rows += hidden_dim + outputs + masks
    if config.get("positions") == "learned":
        grid = config.get("position_grid") or config.get("clip_grid") or ()
        rows += math.prod(grid)
    needed = width * rows
    stored = sum(math.prod(shape) for shape, _ in arrays.values())
    if needed > stored:
        raise ValueError(
            f"{place} describes a predictor of {needed:,} weights or more, but "
            f"{WEIGHTS} has {stored:,}. One of them belongs to another."
        )
