"""Reads `.npz` files of NumPy, without pickled objects."""

import math
import pathlib
import zipfile

import numpy as np

from layerlock.models.foreign._bfloat16 import from_bfloat16

_MAX_EXPANSION = 100  # of the file; NumPy's are rarely compressed
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def entries(path) -> dict[str, tuple]:
    """Returns the arrays of a file by name; they are read when asked for.

    Args:
        path: of the file.

    Returns:
        dict from name to a pair of the shape and of a function that returns
        the array in float32 or float64.

    Raises:
        ValueError: if the file is damaged, or holds Python objects.
    """
    found, claimed = {}, 0
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                shape, dtype = _header(path, archive, member)
                claimed += math.prod(shape) * dtype.itemsize
                name = member.filename.removesuffix(".npy")
                found[name] = _entry(path, member.filename, shape, dtype)
    except (
        zipfile.BadZipFile,
        EOFError,
        NotImplementedError,
        OSError,
        RuntimeError,
        UnicodeError,
    ) as error:
        raise ValueError(
            f"{path} is no whole npz file: {error}. Copy it again."
        ) from error
    if claimed > _MAX_EXPANSION * pathlib.Path(path).stat().st_size:
        raise ValueError(
            f"The arrays of {path} claim {claimed:,} bytes. It was copied in "
            "part, or made to fill the memory."
        )
    return found


def _header(path, archive, member):
    place = f"{member.filename!r} in {path}"
    with archive.open(member) as file:
        try:
            version = np.lib.format.read_magic(file)
            shape, _, dtype = _HEADERS[version](file)
        except (ValueError, KeyError, TypeError, SyntaxError) as error:
            raise ValueError(
                f"{place} is no array of NumPy: {error}. Copy the file again."
            ) from error
    if dtype.hasobject:
        raise ValueError(
            f"{place} holds pickled Python objects, which may run code when "
            "they are read. Expected arrays of numbers."
        )
    if dtype.kind not in "fiub" and not _is_bfloat16(dtype):
        raise ValueError(
            f"{place} has the type {dtype}. Expected real numbers."
        )
    if math.prod(shape) * dtype.itemsize > member.file_size:
        raise ValueError(
            f"{place} claims shape {shape}, for which it is too short. Copy "
            "the file again."
        )
    return shape, dtype


def _entry(path, filename, shape, dtype):
    def read():
        try:
            with zipfile.ZipFile(path) as archive, archive.open(filename) as f:
                array = np.lib.format.read_array(f, allow_pickle=False)
        except (zipfile.BadZipFile, EOFError, OSError, ValueError) as error:
            raise ValueError(
                f"{filename!r} in {path} cannot be read: {error}. Copy the "
                "file again."
            ) from error
        if _is_bfloat16(dtype):
            return from_bfloat16(array.view("uint16"))
        return array.astype(
            "float64" if dtype == "float64" else "float32", copy=False
        )

    return shape, read


def _is_bfloat16(dtype) -> bool:
    """Whether a type is what NumPy stores bfloat16 as."""
    return dtype.kind == "V" and dtype.itemsize == 2 and not dtype.fields
