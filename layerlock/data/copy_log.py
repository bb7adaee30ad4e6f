"""The log of a folder of copies: which copies are complete."""

import contextlib
import json
import pathlib

from layerlock import json_files
from layerlock.data.names import readable

NAME = "prepared.jsonl"
_KEY = json_files.Kind(
    "the path of a video, and what changes with it",
    lambda x: isinstance(x, list) and x and json_files.is_text(x[0]),
)
_ENTRY = {
    "name": json_files.TEXT,
    "key": _KEY,
    "settings": json_files.OBJECT,
}


def read(folder, settings) -> dict:
    """Returns the log of copies by name; raises for other settings."""
    path = folder / NAME
    if not path.exists():
        # Names with a dot are of file managers and network disks.
        if folder.exists() and not all(
            path.name.startswith(".") for path in folder.iterdir()
        ):
            raise ValueError(
                f"The folder of the copies is not empty. Received: {folder}. "
                "Take a new one, or one that was prepared before."
            )
        return {}
    done = {}
    for entry in entries(folder):
        if entry["settings"] != settings:
            raise ValueError(
                f"{folder} was prepared with {entry['settings']}. Received: "
                f"{settings}. Take another folder, or the same settings."
            )
        done[entry["name"]] = entry["key"]
    return done


def entries(folder):
    """Yields the log of a folder of copies; nothing for other folders."""
    path = pathlib.Path(folder, NAME)
    if not path.exists():
        return
    for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            continue  # an incomplete line
        place = f"line {number} of {readable(path)}"
        json_files.check({place: entry}, {place: json_files.OBJECT}, "the log")
        json_files.check(entry, _ENTRY, place, required=_ENTRY)
        yield entry


@contextlib.contextmanager
def begun(folder):
    """Context of the copies: there is a log, and no other process writes it.

    Raises:
        ValueError: if another process writes copies into the folder.
    """
    import filelock

    folder.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(folder / ".prepare.lock")
    try:
        lock.acquire(blocking=False)
    except filelock.Timeout as error:
        raise ValueError(
            f"Another process prepares copies in {readable(folder)}. Wait "
            "until it has ended, or take another folder."
        ) from error
    except (OSError, NotImplementedError):
        pass  # a disk without locks
    try:
        with open(folder / NAME, "a+b") as file:
            file.seek(0)
            if file.read()[-1:] not in (b"", b"\n"):
                file.write(b"\n")  # ends an incomplete line
        yield
    finally:
        # Removed while it is held: who waits for the old file notices it.
        pathlib.Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()


def add(folder, name, key, settings):
    """Appends a copy that is complete.

    Args:
        folder: path of the copies.
        name: str, of the copy.
        key: list, of its source before it was read.
        settings: dict, of the copies.
    """
    entry = {"name": name, "key": key, "settings": settings}
    with open(folder / NAME, "a") as file:
        file.write(json.dumps(entry) + "\n")
