"""The files of a checkpoint, and whether they are as they were written."""

import pathlib

from layerlock import disk, json_files

WEIGHTS = "model.weights.h5"
STATE = "state.json"
ARRAYS = "arrays.npz"
SHARDS = "shards"  # folder of weights in parts, instead of a file of them
MANIFEST = "manifest.json"


def names(checkpoint):
    """Yields the names of the files of a checkpoint, those in folders too."""
    pending = [checkpoint]
    while pending:
        for path in sorted(pending.pop().iterdir()):
            if path.is_dir() and not path.is_symlink():
                pending.append(path)
            else:
                yield pathlib.PurePosixPath(path.relative_to(checkpoint))


def verify(checkpoint) -> str | None:
    """Returns the damage of a checkpoint; `None` if it is complete.

    Raises:
        OSError: if the disk does not answer, which says nothing about it.
    """
    checkpoint = pathlib.Path(checkpoint)
    try:
        digests = json_files.read(checkpoint / MANIFEST)
        present = set(map(str, names(checkpoint)))
        weights = [] if (checkpoint / SHARDS).is_dir() else [WEIGHTS]
        for name in dict.fromkeys([*weights, STATE, ARRAYS, *digests]):
            if name not in present:
                return f"{pathlib.PurePath(name).name} is missing"
            if disk.digest(checkpoint / name) != digests[name]:
                return f"{name} does not match its checksum"
        if not _is_json(checkpoint / STATE):
            return f"{STATE} cannot be read"
    except FileNotFoundError as error:
        return f"{pathlib.Path(error.filename).name} is missing"
    except (
        ValueError,
        KeyError,
        TypeError,
        IsADirectoryError,
        NotADirectoryError,
    ):
        return f"{MANIFEST} cannot be read"
    return None


def _is_json(path) -> bool:
    try:
        json_files.read(path)
    except ValueError:
        return False
    return True
