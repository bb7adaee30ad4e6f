"""Reads PyTorch's files of tensors, on any backend, without running code."""

import argparse
import pathlib
import re
import zipfile

import numpy as np

_CHUNK = 2**24  # bytes
_MAX_DEPTH = 8  # of dicts and lists in each other


def entries(path) -> dict:
    """Returns the tensors of a file by name; they are read when asked for.

    Only tensors, numbers and plain containers are let through, so that no code
    from the file runs.

    Args:
        path: of the file.

    Returns:
        dict from name to a pair of the shape and of a function that returns
        the array in float32 or float64. The names of nested dicts, and the
        numbers of items in lists, are joined by `/`.

    Raises:
        ValueError: if PyTorch is not installed, or if the file is damaged or
            holds other objects.
    """
    try:
        import torch
    except ImportError as error:
        raise ValueError(
            f"{path} is a file of PyTorch, which is not installed. To install "
            "it: pip install torch (a build for CPUs is enough). Or pass the "
            "same weights as safetensors."
        ) from error
    tensors = {}
    _collect(_load(torch, path), torch.Tensor, "", 0, set(), tensors)
    if not tensors:
        raise ValueError(
            f"{path} has no tensors by name. Expected a dict of tensors, or of "
            "dicts of them."
        )
    for name, tensor in tensors.items():
        _check(torch, path, name, tensor)
    return {
        name: (tuple(tensor.shape), _reader(torch, tensor))
        for name, tensor in tensors.items()
    }


def _load(torch, path):
    harmless = [
        argparse.Namespace,  # the options of a training run
        np.dtype,
        np.ndarray,  # the state of a random generator
        *{type(np.dtype(code)) for code in np.typecodes["AllInteger"]},
        *{type(np.dtype(code)) for code in np.typecodes["Float"]},
        type(np.dtype("bool")),
    ]
    scalar = np.float64(0).__reduce__()[0]  # a loss
    array = np.zeros(0).__reduce__()[0]
    for module in ("numpy.core", "numpy._core"):  # of older and newer NumPy
        harmless.append((scalar, f"{module}.multiarray.scalar"))
        harmless.append((array, f"{module}.multiarray._reconstruct"))
    for module in ("pathlib", "pathlib._local"):  # among the options
        harmless.append((pathlib.PurePosixPath, f"{module}.PosixPath"))
    zipped = zipfile.is_zipfile(path)
    try:
        if zipped:
            _check_sums(path)
        with torch.serialization.safe_globals(harmless):
            return torch.load(
                path, map_location="cpu", weights_only=True, mmap=zipped
            )
    except Exception as error:
        # A damaged file may raise any exception in PyTorch.
        raise ValueError(
            f"{path} cannot be read as weights: {_reason(error)}. It is "
            "damaged, or holds Python objects besides tensors, which may run "
            "code and are not read. Copy it again, or store its tensors alone "
            "as safetensors."
        ) from error


def _check_sums(path):
    """Raises if bytes have changed, which PyTorch does not check."""
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            is_stored = member.compress_type == zipfile.ZIP_STORED
            if member.CRC and is_stored:  # 0: PyTorch was told to write none
                with archive.open(member) as file:
                    while file.read(_CHUNK):
                        pass


def _reason(error) -> str:
    """What is wrong, without PyTorch's advice to run the code of a file."""
    text = str(error)
    if found := re.search(r"GLOBAL (\S+)", text):
        return f"it holds {found[1]}"
    if "TorchScript" in text:
        return "it is a program of TorchScript"
    if "weights_only" in text:
        return "it is no file of PyTorch"
    lines = text.strip().splitlines() or [type(error).__name__]
    return lines[0][:300].rstrip(".")


def _collect(value, kind, name, depth, seen, tensors):
    """Collects tensors from nested dicts and lists."""
    if isinstance(value, kind) and name:
        tensors[name] = value
    if isinstance(value, (list, tuple)):
        items = enumerate(value)
    elif isinstance(value, dict):
        items = value.items()
    else:
        return
    if depth == _MAX_DEPTH or id(value) in seen:
        return
    seen.add(id(value))
    for key, item in items:
        inner = f"{name}/{key}" if name else str(key)
        _collect(item, kind, inner, depth + 1, seen, tensors)


def _check(torch, path, name, tensor):
    if (
        tensor.is_nested
        or tensor.layout != torch.strided
        or tensor.is_quantized
        or tensor.is_complex()
        or tensor.is_meta
    ):
        raise ValueError(
            f"{name!r} in {path} is sparse, nested, quantised or complex, or "
            "has no values. Expected a dense tensor of real numbers."
        )
    needed = tensor.numel() * tensor.element_size()
    stored = tensor.untyped_storage().nbytes()
    if needed > stored:
        raise ValueError(
            f"{name!r} in {path} claims {needed:,} bytes, but {stored:,} are "
            "stored. The file is damaged, or was made to fill the memory."
        )


def _reader(torch, tensor):
    def read():
        dtype = (
            torch.float64 if tensor.dtype == torch.float64 else torch.float32
        )
        return tensor.detach().resolve_neg().to(dtype).numpy()

    return read
