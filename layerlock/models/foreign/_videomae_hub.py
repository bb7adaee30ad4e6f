"""What the `config.json` of VideoMAE v2 on the hub tells of an encoder."""

from layerlock import json_files
from layerlock.models.foreign import _meta, _transformers

_KINDS = {
    "num_heads": _transformers.COUNT,
    "layer_norm_eps": _transformers.EPSILON,
    "img_size": _transformers.LENGTH,
    "num_frames": _transformers.LENGTH,
}
_NAMES = {"num_heads": "num_heads", "layer_norm_eps": "epsilon"}


def arguments(checkpoint, patch_size) -> dict:
    """Returns arguments of the encoder that arrays do not tell.

    Args:
        checkpoint: a `Checkpoint`. Its configuration has an object
            `model_config`, or is that of another model.
        patch_size: tuple, frames, rows and columns.
    """
    given = checkpoint.config.get("model_config")
    if not isinstance(given, dict):
        return {}
    place = f"`model_config` in config.json of {checkpoint.place}"
    json_files.check(given, _KINDS, place)
    found = {
        ours: given[name] for name, ours in _NAMES.items() if name in given
    }
    if "img_size" in given and "num_frames" in given:
        found["clip_shape"] = _meta.clip_shape(
            patch_size, given["num_frames"], given["img_size"]
        )
    return found
