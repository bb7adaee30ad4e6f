"""The arrays of a file or folder, by name, read one at a time."""

import pathlib
import re

from layerlock import json_files
from layerlock.backends import torch_files
from layerlock.models.foreign import _hub, _npz, _safetensors

_READERS = {
    ".safetensors": _safetensors.entries,
    ".npz": _npz.entries,
    ".pt": torch_files.entries,
    ".pth": torch_files.entries,
    ".tar": torch_files.entries,  # V-JEPA's files end in .pth.tar
    ".bin": torch_files.entries,
}
# The first that a folder has.
_WEIGHTS = (
    "model.safetensors.index.json",
    "model.safetensors",
    "pytorch_model.bin.index.json",
    "pytorch_model.bin",
)
_PIXELS = ("video_preprocessor_config.json", "preprocessor_config.json")
IMAGENET = {
    "pixel_mean": (0.485, 0.456, 0.406),
    "pixel_std": (0.229, 0.224, 0.225),
}
_FILES = json_files.Kind(
    "an object from names to files",
    lambda x: isinstance(x, dict) and all(map(json_files.is_text, x.values())),
)
_COLOURS = json_files.Kind(
    "three numbers",
    lambda x: json_files.list_of(json_files.NUMBER).accepts(x) and len(x) == 3,
)


class Checkpoint:
    """Named arrays of one or more files.

    Attributes:
        place: str, for messages.
        shapes: dict from name to tuple of ints. Names of nested dicts are
            joined by `/`.
        config: dict, the folder's `config.json`; empty without one.
        files: tuple of paths.
    """

    def __init__(self, place: str, files, folder=None):
        self.place = place
        self.files = tuple(files)
        self.config = {}
        self._folder = folder
        if folder is not None and (folder / "config.json").is_file():
            self.config = json_files.read(folder / "config.json")
        self._entries = {}
        for file in self.files:
            for name, entry in _READERS[file.suffix](file).items():
                if name in self._entries:
                    raise ValueError(
                        f"{place} has the array {name!r} in two files. "
                        "Expected every array once. Copy the folder again."
                    )
                self._entries[name] = entry
        self.shapes = {
            name: tuple(shape) for name, (shape, _) in self._entries.items()
        }

    def shape(self, name: str, rank: int) -> tuple:
        """Returns the shape of an array; raises unless it has `rank` axes."""
        if name not in self.shapes:
            raise ValueError(
                f"{self.place} has no array {name!r}. Received: "
                f"{self.summary()}. It was stored in part, or belongs to "
                "another family."
            )
        shape = self.shapes[name]
        if len(shape) != rank or 0 in shape:
            raise ValueError(
                f"{name!r} in {self.place} has shape {shape}. Expected {rank} "
                "axes."
            )
        return shape

    def read(self, name: str):
        """Returns an array as NumPy, in float32 or float64."""
        _, read = self._entries[name]
        return read()

    def count(self, pattern: str) -> int:
        """Returns the number of blocks.

        Args:
            pattern: str, a regular expression for the start of the names of a
                block's arrays, whose group is its number.
        """
        found = {
            int(match[1])
            for match in map(re.compile(pattern).match, self.shapes)
            if match
        }
        if not found or sorted(found) != list(range(len(found))):
            raise ValueError(
                f"The blocks of {self.place} are not numbered from 0 on. "
                f"Received: {json_files.shown(sorted(found))}. It was stored "
                "in part."
            )
        return len(found)

    def pixel_statistics(self) -> dict:
        """Returns `pixel_mean` and `pixel_std`, ImageNet's by default."""
        for name in _PIXELS:
            if self._folder is None or not (self._folder / name).is_file():
                continue
            content = json_files.read(self._folder / name)
            kinds = {"image_mean": _COLOURS, "image_std": _COLOURS}
            json_files.check(content, kinds, self._folder / name)
            if content.keys() >= kinds.keys():
                return {
                    "pixel_mean": tuple(content["image_mean"]),
                    "pixel_std": tuple(content["image_std"]),
                }
        return dict(IMAGENET)

    def summary(self) -> str:
        """Returns some of the names and shapes, for a message."""
        some = [f"{k} {v}" for k, v in list(self.shapes.items())[:5]]
        more = len(self.shapes) - len(some)
        return ", ".join(some) + (f" and {more:,} more" if more > 0 else "")


def open_path(path) -> Checkpoint:
    """Opens a file, a folder or `hf://USER/NAME`."""
    place = str(path)
    path = _hub.local_path(place)
    if path.is_dir():
        return Checkpoint(place, _files_of(path), path)
    if not path.is_file():
        raise ValueError(
            f"There are no weights at {place!r}: no such file or folder. "
            "Expected a file, a folder, or hf://USER/NAME."
        )
    if path.suffix not in _READERS:
        raise ValueError(
            f"{place} ends in {path.suffix!r}. Expected one of "
            f"{list(_READERS)}, or a folder."
        )
    return Checkpoint(place, [path])


def _files_of(folder) -> list[pathlib.Path]:
    for name in _WEIGHTS:
        if (folder / name).is_file():
            if name.endswith(".index.json"):
                return _shards(folder / name)
            return [folder / name]
    found = sorted(p for p in folder.iterdir() if p.suffix in _READERS)
    if len(found) == 1:
        return found
    names = sorted(p.name for p in folder.iterdir())
    raise ValueError(
        f"{folder} has no weights, or several files of them. Received: "
        f"{json_files.shown(names)}. Expected one of {list(_WEIGHTS)}, or a "
        f"single file that ends in one of {list(_READERS)}."
    )


def _shards(index) -> list[pathlib.Path]:
    """The files that an index names, which lie beside it."""
    content = json_files.read(index)
    json_files.check(
        content,
        {"weight_map": _FILES},
        index,
        required=["weight_map"],
    )
    shards = sorted(set(content["weight_map"].values()))
    for name in shards:
        if not re.fullmatch(r"[\w.-]+\.(safetensors|bin)", name):
            raise ValueError(
                f"{index} names the file {json_files.shown(name)}. Expected "
                "names of files in the same folder."
            )
        if not (index.parent / name).is_file():
            raise ValueError(
                f"{name} is missing in {index.parent}. Expected the "
                f"{len(shards)} files that {index.name} names. Copy the folder "
                "again."
            )
    return [index.parent / name for name in shards]
