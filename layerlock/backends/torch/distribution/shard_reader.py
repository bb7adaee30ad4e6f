"""Reads checkpoints of parts without running code from their files."""

import pathlib
import pickle

import torch
from torch.distributed import checkpoint
from torch.distributed.checkpoint import filesystem, metadata

_PLAIN = {
    ("torch", "Size"),
    ("torch.serialization", "_get_layout"),
    ("torch.distributed.checkpoint.filesystem", "_StorageInfo"),
    ("pathlib", "PosixPath"),
    ("pathlib", "WindowsPath"),
    ("pathlib", "PurePosixPath"),
}


class ShardReader(checkpoint.FileSystemReader):
    """Reader of PyTorch whose list of parts may not name functions.

    PyTorch stores that list with `pickle`, which can call any function. Only
    the classes that PyTorch itself writes are accepted here.
    """

    def read_metadata(self, *args, **keywords):
        path = pathlib.Path(self.path) / ".metadata"
        with open(path, "rb") as file:
            try:
                found = _Unpickler(file).load()
            except (pickle.UnpicklingError, EOFError, AttributeError) as error:
                raise _refused(path, error) from error
        if not isinstance(found, metadata.Metadata):
            raise _refused(path, type(found).__name__)
        for info in found.storage_data.values():
            if pathlib.PurePath(info.relative_path).name != info.relative_path:
                raise _refused(path, f"the file {info.relative_path!r}")
        if getattr(found, "storage_meta", None) is None:
            found.storage_meta = filesystem.StorageMeta()
        found.storage_meta.load_id = self.load_id
        return found


class _Unpickler(pickle.Unpickler):
    def find_class(self, module, name):
        if module == "torch" and isinstance(
            getattr(torch, name, None), torch.dtype
        ):
            return getattr(torch, name)
        if module == metadata.__name__:
            found = getattr(metadata, name, None)
            if isinstance(found, type) and found.__module__ == module:
                return found
        if (module, name) in _PLAIN:
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"it names {module}.{name}")


def _refused(path, reason) -> ValueError:
    return ValueError(
        f"{path} is no list of parts that PyTorch has written: {reason}. It is "
        "damaged, or was made to run code, and is not read."
    )
