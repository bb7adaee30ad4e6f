"""Released weights of others in a place where an exported encoder is meant."""

import pathlib

_SUFFIXES = (".safetensors", ".npz", ".pt", ".pth", ".tar", ".bin")
_OWN = "encoder.weights.h5"


def check_converted(path):
    """Raises `ValueError` if a place has released weights of others.

    Only names of files are looked at.

    Args:
        path: of a file or a folder, or `hf://USER/NAME`.

    Example:

    >>> check_converted("hf://user/name")
    Traceback (most recent call last):
        ...
    ValueError: hf://user/name has released weights, not a LayerLock encoder. \
Convert them first: `layerlock.convert(from_='hf://user/name', out='FOLDER')`, \
and pass FOLDER. `VideoEncoder.from_pretrained` reads them in Python.
    """
    if str(path).startswith("hf:/") or _are_released(pathlib.Path(path)):
        place = str(path).replace("hf:/", "hf://").replace("///", "//")
        raise ValueError(
            f"{place} has released weights, not a LayerLock encoder. Convert "
            f"them first: `layerlock.convert(from_={place!r}, out='FOLDER')`, "
            "and pass FOLDER. `VideoEncoder.from_pretrained` reads them in "
            "Python."
        )


def _are_released(path: pathlib.Path) -> bool:
    try:
        if path.is_file():
            return path.suffix in _SUFFIXES
        if not path.is_dir() or (path / _OWN).exists():
            return False
        return any(
            file.suffix in _SUFFIXES and file.is_file()
            for file in path.iterdir()
        )
    except (OSError, ValueError):  # a name that no file can have
        return False
