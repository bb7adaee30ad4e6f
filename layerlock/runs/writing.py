"""Writes files atomically, and metrics as valid JSON."""

import contextlib
import json
import math
import os
import socket
from pathlib import Path

import numpy as np

from layerlock import disk
from layerlock.data import names

NOT_FINITE = "not_finite"


def partial_path(path: Path) -> Path:
    """Returns the temporary name of `path`."""
    return path.with_name(f".{path.name}.partial")


def replace_file(path: Path, content: bytes, is_shared: bool = False):
    """Writes `content` to `path` atomically.

    The content is written to a temporary file in the same folder, flushed to
    the disk (`fsync`) and renamed. The temporary name depends on `path` only,
    so the next writer overwrites the file of a killed one.

    Args:
        path: path of the file.
        content: bytes.
        is_shared: bool, whether several processes may write the file at once:
            the temporary name is then one of this process. Defaults to
            `False`.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = partial_path(path)
    if is_shared:
        own = f"{temporary.name}.{socket.gethostname()}.{os.getpid()}"
        temporary = temporary.with_name(own)
    try:
        disk.write(temporary, content)
    except OSError:
        with contextlib.suppress(OSError):  # it may be what fills the disk
            temporary.unlink()
        raise
    os.replace(temporary, path)
    disk.flush(path.parent)


def write_text(path: Path, text: str):
    """Writes text to `path` atomically, in UTF-8.

    What UTF-8 cannot encode, such as parts of file names, becomes escapes.
    """
    replace_file(path, names.encodable(text).encode())


def write_json(path: Path, value):
    """Writes indented JSON to `path` atomically.

    It is ASCII, and keeps file names that are not UTF-8 as they are.
    """
    text = json.dumps(plain(value), indent=2, allow_nan=False)
    replace_file(path, (text + "\n").encode())


def append_line(path: Path, line: bytes):
    """Appends `line` and a newline to `path`, and flushes it to the disk.

    If the process is killed during the call, the last line has no newline,
    and `read_lines` drops it.
    """
    with disk.named(path), open(path, "ab", buffering=0) as file:
        _write_all(file, line + b"\n")
        os.fsync(file.fileno())


def read_lines(path: Path) -> list[bytes]:
    """Returns the lines of `path`, without an incomplete last one."""
    path = Path(path)
    if not path.exists():
        return []
    *lines, _unfinished = path.read_bytes().split(b"\n")
    return lines


def drop_unfinished_line(path: Path):
    """Removes an incomplete last line of `path`."""
    path = Path(path)
    if not path.exists():
        return
    content = path.read_bytes()
    length = content.rfind(b"\n") + 1
    if length < len(content):
        os.truncate(path, length)


def plain(value):
    """Converts `value` to JSON types.

    NumPy values and scalar tensors of any framework become Python numbers,
    numbers that are not finite become `None`, and paths and unknown types
    become strings.
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
    """Encodes `metrics` as one line of JSON that keeps NaN and infinity.

    They are written as null, since JSON has neither, and listed under the key
    `not_finite`: `{"loss": null, "not_finite": {"loss":
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
    """Decodes the metrics of one line, with NaN and infinity."""
    metrics = json.loads(line)
    lost = metrics.pop(NOT_FINITE, {})
    return metrics | {key: float(text) for key, text in lost.items()}


def _plain_array(value):
    array = np.asarray(value)
    if array.dtype.kind in "biuf":
        return plain(array.tolist())
    if array.dtype.kind == "V":  # bfloat16 and other types that NumPy lacks
        return plain(array.astype("float32").tolist())
    return str(value)


def _write_all(file, content: bytes):
    while content:
        content = content[file.write(content) :]
