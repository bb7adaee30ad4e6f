"""What else may lie in the folder of an exported encoder."""

import os
import shutil

from layerlock import disk, json_files
from layerlock.models.stored import CLASS_NAME

CONFIG = "config.json"
WEIGHTS = "encoder.weights.h5"
# What `convert` writes beside an encoder: they belong to its weights.
_COMPANIONS = {"student", "predictor.json", "readout.json"}


def copy_others(path, draft):
    """Copies files that do not belong to the encoder, such as notes."""
    for name in _others(path):
        copy = shutil.copytree if (path / name).is_dir() else shutil.copy2
        with disk.named(draft / name):
            copy(path / name, draft / name)


def _others(path):
    names = os.listdir(path) if path.is_dir() else []
    return sorted(set(names) - {CONFIG, WEIGHTS})


def _is_remains(path, names) -> bool:
    """Whether a folder holds one of the two files of an encoder."""
    if WEIGHTS in names:
        return True
    try:
        return json_files.read(path / CONFIG).get("class_name") == CLASS_NAME
    except (OSError, ValueError):
        return False


def check_writable(path, overwrite: bool):
    """Raises `ValueError` unless an encoder may be written to `path`."""
    if not path.exists():
        return
    if not overwrite:
        raise ValueError(
            f"{path} exists. Pass `overwrite=True` to replace the encoder in "
            "it, or choose another path."
        )
    names = os.listdir(path) if path.is_dir() else [path.name]
    if names and not _is_remains(path, names):
        raise ValueError(
            f"{path} contains no encoder but {sorted(names)}. It is not "
            "replaced; choose another path."
        )
    companions = sorted(_COMPANIONS & set(names))
    if companions:
        raise ValueError(
            f"{path} also contains {companions}, which belong to the encoder "
            "in it and would be used with the new one. It is not replaced; "
            "choose another path, or remove them first."
        )
