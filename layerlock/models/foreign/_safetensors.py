"""Reads `.safetensors` files: a header of JSON, then the arrays.

The format: https://huggingface.co/docs/safetensors/index#format.
"""

import math
import pathlib

import numpy as np

from layerlock import json_files
from layerlock.models.foreign._bfloat16 import from_bfloat16

_MAX_HEADER = 100_000_000  # bytes, the limit of the format
_DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U8": "u1",
    "BOOL": "?",
}
_ENTRY = {
    "dtype": json_files.TEXT,
    "shape": json_files.list_of(json_files.WHOLE),
    "data_offsets": json_files.Kind(
        "two whole numbers",
        lambda x: (
            json_files.list_of(json_files.WHOLE).accepts(x) and len(x) == 2
        ),
    ),
}


def entries(path) -> dict[str, tuple]:
    """Returns the arrays of a file by name; they are read when asked for.

    Args:
        path: of the file.

    Returns:
        dict from name to a pair of the shape and of a function that returns
        the array in float32 or float64.

    Raises:
        ValueError: if the file is damaged or cut.
    """
    size = pathlib.Path(path).stat().st_size
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(size - 8, _MAX_HEADER):
            raise ValueError(
                f"{path} is no whole safetensors file: it has {size:,} bytes, "
                f"and its header claims {length:,}. Copy it again."
            )
        header = json_files.decode(file.read(length), f"The header of {path}")
    header.pop("__metadata__", None)
    start = 8 + length
    return {
        name: _entry(path, name, value, start, size)
        for name, value in header.items()
    }


def _entry(path, name, value, start, size):
    place = f"{name!r} in {path}"
    if not isinstance(value, dict):
        raise ValueError(
            f"{place} must be an object. Received: {json_files.shown(value)}. "
            "Copy the file again."
        )
    json_files.check(value, _ENTRY, place, required=_ENTRY)
    dtype, shape = value["dtype"], tuple(value["shape"])
    if dtype not in _DTYPES:
        raise ValueError(
            f"{place} has the type {dtype!r}. Expected one of {list(_DTYPES)}."
        )
    begin, end = value["data_offsets"]
    needed = math.prod(shape) * np.dtype(_DTYPES[dtype]).itemsize
    if end - begin != needed or start + end > size:
        raise ValueError(
            f"{place} needs {needed:,} bytes, and the file has {size:,}, of "
            f"which it claims {begin:,} to {end:,} after the header. It is "
            "damaged or was copied in part: copy it again."
        )

    def read():
        if not needed:
            return np.zeros(shape, "float32")
        stored = np.memmap(
            path, _DTYPES[dtype], "r", offset=start + begin, shape=shape
        )
        if dtype == "BF16":
            return from_bfloat16(stored)
        return stored.astype(
            "float64" if dtype == "F64" else "float32", copy=False
        )

    return shape, read
