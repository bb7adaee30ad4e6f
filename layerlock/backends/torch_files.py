"""Reads PyTorch's files of tensors, on any backend, without running code."""

import argparse
import zipfile

import numpy as np

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
    scalar = np.float64(0).__reduce__()[0]
    harmless = [
        argparse.Namespace,  # the options of a training run
        (scalar, "numpy.core.multiarray.scalar"),  # a loss, by older NumPy
        (scalar, "numpy._core.multiarray.scalar"),
        np.dtype,
        type(np.dtype("float64")),
        type(np.dtype("float32")),
        type(np.dtype("int64")),
    ]
    try:
        with torch.serialization.safe_globals(harmless):
            return torch.load(
                path,
                map_location="cpu",
                weights_only=True,
                mmap=zipfile.is_zipfile(path),
            )
    except Exception as error:
        # A damaged file may raise any exception in PyTorch.
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise ValueError(
            f"{path} cannot be read as weights: {reason[0][:300]} It is "
            "damaged, or holds Python objects besides tensors, which may run "
            "code and are not read. Copy it again, or store its tensors alone "
            "as safetensors."
        ) from error


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
        tensor.layout != torch.strided
        or tensor.is_quantized
        or tensor.is_complex()
    ):
        raise ValueError(
            f"{name!r} in {path} is sparse, quantised or complex. Expected a "
            "dense tensor of real numbers."
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
        return tensor.detach().to(dtype).numpy()

    return read
