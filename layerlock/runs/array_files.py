"""Reads .npz files that another program may have damaged."""

import math
import tokenize
import zipfile
import zlib

import numpy as np

MAX_BYTES = 2**30  # of all arrays of a file


def read(path, max_bytes: int = MAX_BYTES) -> dict:
    """Returns the arrays of an .npz file, without running code from it.

    The headers are compared with what is stored before anything is read.

    Args:
        path: the file.
        max_bytes: int, of all arrays together. Defaults to `MAX_BYTES`.

    Raises:
        ValueError: if the file is damaged, holds Python objects, or is too
            large.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _check_members(archive, max_bytes)
        with np.load(path, allow_pickle=False) as arrays:
            return {key: arrays[key] for key in arrays.files}
    except (
        zipfile.BadZipFile,
        zipfile.LargeZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        OSError,
        OverflowError,
        RuntimeError,
        SyntaxError,
        TypeError,
        tokenize.TokenError,  # of a header that is no Python
        ValueError,
    ) as error:
        raise ValueError(
            f"The arrays of {path} cannot be read: {error} Another program "
            "has changed the file, or it was copied in part."
        ) from error


def _check_members(archive, max_bytes: int):
    """Raises unless every array is as large as its header says."""
    members = archive.infolist()
    total = sum(member.file_size for member in members)
    if total > max_bytes:
        raise ValueError(
            f"They claim {total:,} bytes. Expected at most {max_bytes:,}."
        )
    for member in members:
        name = member.filename
        if not name.endswith(".npy"):
            raise ValueError(f"{name!r} is no array.")
        with archive.open(member) as file:
            shape, dtype = _header(file)
            stored = member.file_size - file.tell()
        if dtype.hasobject or dtype.names is not None:
            raise ValueError(f"{name} holds {dtype}, and no numbers or texts.")
        claimed = math.prod(shape) * dtype.itemsize
        if claimed != stored:
            raise ValueError(
                f"{name} claims {claimed:,} bytes, and has {stored:,}."
            )


def _header(file) -> tuple:
    version = np.lib.format.read_magic(file)
    read_header = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if read_header is None:
        raise ValueError(f"Its format has the unknown version {version}.")
    shape, _, dtype = read_header(file)
    return shape, dtype
