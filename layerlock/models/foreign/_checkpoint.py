"""The arrays of a file or folder, by name, read one at a time."""

import re

from layerlock import json_files
from layerlock.backends import torch_files
from layerlock.models.foreign import (
    _flax_names,
    _hub,
    _npz,
    _safetensors,
)

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
        shapes: dict from name to tuple of ints. Names of nested dicts, and
            those of flax, are joined by `/`.
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
        self._entries = _flax_names.with_slashes(self._entries)
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
            match[1]
            for match in map(re.compile(pattern).match, self.shapes)
            if match
        }
        if not found or found != set(map(str, range(len(found)))):
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
            _check_pixels(content, self._folder / name)
            if content.get("do_normalize") is False:
                return {"pixel_mean": 0.0, "pixel_std": 1.0}
            if content.keys() >= {"image_mean", "image_std"}:
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


def _check_pixels(content, place):
    """Raises unless pixels are divided by 255 and then standardised."""
    kinds = {
        "image_mean": _COLOURS,
        "image_std": _COLOURS,
        "do_normalize": json_files.FLAG,
        "do_rescale": json_files.FLAG,
        "rescale_factor": json_files.NUMBER,
    }
    json_files.check(content, kinds, place)
    factor = content.get("rescale_factor", 1 / 255)
    if not content.get("do_rescale", True) or abs(255 * factor - 1) > 1e-3:
        raise ValueError(
            f"{place} scales pixels by {factor}. Expected 1 / 255: LayerLock's "
            "encoders standardise pixels in [0, 1]."
        )


def open_path(path) -> Checkpoint:
    """Opens a file, a folder or `hf://USER/NAME`."""
    place = str(path)
    path = _hub.local_path(place)
    if path.is_dir():
        return _of_folder(place, path)
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


def _of_folder(place, folder) -> Checkpoint:
    for name in _WEIGHTS:
        if (folder / name).is_file():
            if name.endswith(".index.json"):
                return _of_index(place, folder, folder / name)
            return Checkpoint(place, [folder / name], folder)
    found = sorted(
        p for p in folder.iterdir() if p.suffix in _READERS and p.is_file()
    )
    if len(found) == 1:
        return Checkpoint(place, found, folder)
    names = sorted(p.name for p in folder.iterdir())
    raise ValueError(
        f"{folder} has no weights, or several files of them. Received: "
        f"{json_files.shown(names)}. Expected one of {list(_WEIGHTS)}, or a "
        f"single file that ends in one of {list(_READERS)}."
    )


def _of_index(place, folder, index) -> Checkpoint:
    """The files that an index names, which lie beside it."""
    content = json_files.read(index)
    json_files.check(
        content,
        {"weight_map": _FILES},
        index,
        required=["weight_map"],
    )
    names = content["weight_map"]
    shards = sorted(set(names.values()))
    for name in shards:
        if not re.fullmatch(r"[\w.-]+\.(safetensors|bin)", name):
            raise ValueError(
                f"{index} names the file {json_files.shown(name)}. Expected "
                "names of files in the same folder."
            )
        if not (folder / name).is_file():
            raise ValueError(
                f"{name} is missing in {folder}. Expected the {len(shards)} "
                f"files that {index.name} names. Copy the folder again."
            )
    checkpoint = Checkpoint(place, [folder / name for name in shards], folder)
    missing = names.keys() - checkpoint.shapes.keys()
    if missing:
        raise ValueError(
            f"The files of {folder} have no arrays "
            f"{json_files.shown(sorted(missing))}, which {index.name} names. "
            "Copy the folder again."
        )
    return checkpoint
