"""Writes files that survive a kill: whole or not at all, and valid JSON."""

import json
import math
import os
from pathlib import Path

import numpy as np

NOT_FINITE = "not_finite"


def partial_path(path: Path) -> Path:
    """The name under which `path` is written before it is complete."""
    return path.with_name(f".{path.name}.partial")


def replace_file(path: Path, content: bytes):
    """Writes `content` to `path`; a reader sees the old file or the new one.

    The content goes to a temporary file in the same folder, reaches the disk
    (`fsync`), and only then takes the name. The temporary name is a function
    of `path`, so a writer that was killed leaves nothing behind that the next
    one does not overwrite.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = partial_path(path)
    with open(temporary, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    _sync_folder(path.parent)


def write_json(path: Path, value):
    """Replaces the JSON file at `path`, indented for a human reader."""
    text = json.dumps(plain(value), indent=2, allow_nan=False)
    replace_file(path, (text + "\n").encode())


def append_line(path: Path, line: bytes):
    """Appends `line` and a newline to `path`, and waits for the disk.

    The line goes out in one call; if the process is killed inside it, what
    remains is a last line without a newline, which `read_lines` drops.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        _write_all(descriptor, line + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_lines(path: Path) -> list[bytes]:
    """The complete lines of `path`, without an unfinished last one."""
    path = Path(path)
    if not path.exists():
        return []
    *lines, _unfinished = path.read_bytes().split(b"\n")
    return lines


def drop_unfinished_line(path: Path):
    """Cuts off what follows the last newline of `path`, if anything does."""
    path = Path(path)
    if not path.exists():
        return
    content = path.read_bytes()
    length = content.rfind(b"\n") + 1
    if length < len(content):
        os.truncate(path, length)


def plain(value):
    """`value` in the types of JSON; numbers that are not finite become None.

    NumPy values and scalar tensors of any framework become Python numbers,
    paths and anything unknown become strings.
    """
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return _plain_array(value)


def encode_metrics(metrics: dict) -> bytes:
    """One line of JSON for `metrics`, without losing NaN and infinity.

    JSON has neither. They are written as null, which every reader takes, and
    named under the key `not_finite`: `{"loss": null, "not_finite": {"loss":
    "nan"}}`.

    Example:

    >>> encode_metrics({"step": 10, "loss": float("nan")})
    b'{"step": 10, "loss": null, "not_finite": {"loss": "nan"}}'
    """
    line = {key: plain(value) for key, value in metrics.items()}
    lost = {
        key: str(float(value))
        for key, value in metrics.items()
        if value is not None and line[key] is None
    }
    if lost:
        line[NOT_FINITE] = lost
    return json.dumps(line, allow_nan=False).encode()


def decode_metrics(line: bytes) -> dict:
    """The metrics of one line, with NaN and infinity back in place."""
    metrics = json.loads(line)
    lost = metrics.pop(NOT_FINITE, {})
    return metrics | {key: float(text) for key, text in lost.items()}


def _plain_array(value):
    array = np.asarray(value)
    if array.dtype.kind in "biuf":
        return plain(array.tolist())
    if array.dtype.kind == "V":  # bfloat16 and other numbers NumPy lacks
        return plain(array.astype("float32").tolist())
    return str(value)


def _write_all(descriptor: int, content: bytes):
    while content:
        content = content[os.write(descriptor, content) :]


def _sync_folder(folder: Path):
    # Windows cannot open a folder; its rename needs no such call.
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
