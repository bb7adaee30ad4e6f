"""Parts of a checkpoint are read without running code from their files."""

import os
import pickle
import warnings

import keras
import pytest

if keras.backend.backend() != "torch":
    pytest.skip("parts of PyTorch", allow_module_level=True)

import torch
from torch.distributed import checkpoint

from layerlock.backends.torch.distribution.shard_reader import ShardReader


def save(folder):
    tensors = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor(7)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        checkpoint.save(
            tensors,
            storage_writer=checkpoint.FileSystemWriter(folder),
            no_dist=True,
        )
    return tensors


def load(folder):
    tensors = {"a": torch.zeros(2, 3), "b": torch.tensor(0)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        checkpoint.load(
            tensors, storage_reader=ShardReader(folder), no_dist=True
        )
    return tensors


def test_what_pytorch_wrote_is_read(tmp_path):
    saved = save(tmp_path)

    loaded = load(tmp_path)

    assert all(torch.equal(loaded[name], saved[name]) for name in saved)


def test_no_function_of_a_file_is_called(tmp_path):
    save(tmp_path)
    mark = tmp_path / "ran"

    class Attack:
        def __reduce__(self):
            return os.mkdir, (str(mark),)

    (tmp_path / ".metadata").write_bytes(pickle.dumps(Attack()))

    with pytest.raises(checkpoint.CheckpointException) as refused:
        load(tmp_path)
    assert f"it names {os.mkdir.__module__}.mkdir" in str(refused.value)
    assert not mark.exists()


def test_no_part_lies_outside_of_the_folder(tmp_path):
    save(tmp_path / "a")
    path = tmp_path / "a" / ".metadata"
    found = pickle.loads(path.read_bytes())  # written by this test
    for info in found.storage_data.values():
        info.relative_path = f"../{info.relative_path}"
    path.write_bytes(pickle.dumps(found))

    with pytest.raises(checkpoint.CheckpointException) as refused:
        load(tmp_path / "a")
    assert "the file '../" in str(refused.value)
