"""Finds weights on the Hugging Face hub, or on this machine."""

import pathlib
import re

_PREFIX = "hf://"
_SAFE = ("*.json", "*.safetensors")
_OTHERS = ("*.bin", "*.pt", "*.pth", "*.npz", "*.weights.h5")


def local_path(path: str) -> pathlib.Path:
    """Returns a path on this machine, after a download for `hf://USER/NAME`.

    Files without code are preferred: others are fetched only where there are
    no `.safetensors`.

    Args:
        path: str, a path or `hf://USER/NAME`, with `@REVISION` if need be.
    """
    if "\0" in path:
        raise ValueError(f"A path has a zero byte: {path[:80]!r}.")
    if not path.startswith(_PREFIX):
        return pathlib.Path(path)
    match = re.fullmatch(
        r"([\w.-]+/[\w.-]+)(?:@([\w./-]+))?", path.removeprefix(_PREFIX)
    )
    if not match:
        raise ValueError(
            "A model of the Hugging Face hub is written hf://USER/NAME, or "
            f"hf://USER/NAME@REVISION. Received: {path!r}."
        )
    folder = _download(path, *match.groups(), _SAFE)
    if not list(folder.glob("*.safetensors")):
        folder = _download(path, *match.groups(), (*_SAFE, *_OTHERS))
    return folder


def _download(path, repository, revision, patterns) -> pathlib.Path:
    try:
        import huggingface_hub
    except ImportError as error:
        raise ValueError(
            f"{path} needs huggingface_hub, which is not installed. To install "
            'it: pip install "layerlock[hub]". Or download the model, and pass '
            "its folder."
        ) from error
    try:
        folder = huggingface_hub.snapshot_download(
            repository, revision=revision, allow_patterns=list(patterns)
        )
    except Exception as error:  # of the network, of the hub, or of the disk
        raise ValueError(
            f"{path} could not be downloaded: {type(error).__name__}: {error} "
            "Or download the model elsewhere, and pass its folder."
        ) from error
    return pathlib.Path(folder)
