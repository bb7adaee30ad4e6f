import argparse
import pathlib
import sys

import numpy as np
import pytest

from layerlock.backends import torch_files

torch = pytest.importorskip("torch")


def save(path, content, **arguments):
    torch.save(content, path, **arguments)
    return path


def read(path):
    return {k: reader() for k, (_, reader) in torch_files.entries(path).items()}


@pytest.mark.parametrize("zipped", [True, False])
def test_tensors_of_nested_dicts_are_read_by_name(tmp_path, zipped):
    path = save(
        tmp_path / "a.pt",
        {
            "encoder": {"a.weight": torch.arange(6.0).reshape(2, 3)},
            "opt": {"state": {0: {"step": torch.tensor(3)}}},
            "epoch": 3,
            "loss": np.float64(0.5),
            "args": argparse.Namespace(lr=0.1),
        },
        _use_new_zipfile_serialization=zipped,
    )

    arrays = read(path)

    assert arrays.keys() == {"encoder/a.weight", "opt/state/0/step"}
    assert arrays["encoder/a.weight"].tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_they_are_read_in_float32(tmp_path, dtype):
    values = torch.tensor([1.0, -2.5], dtype=getattr(torch, dtype))

    arrays = read(save(tmp_path / "a.pt", {"a": values}))

    assert arrays["a"].dtype == "float32"
    assert arrays["a"].tolist() == [1.0, -2.5]


class Malicious:
    def __reduce__(self):
        return pathlib.Path.touch, (pathlib.Path("ran"),)


@pytest.mark.parametrize("zipped", [True, False])
def test_no_code_of_a_file_runs(tmp_path, monkeypatch, zipped):
    monkeypatch.chdir(tmp_path)
    path = save(
        tmp_path / "a.pt",
        {"a": torch.ones(2), "b": Malicious()},
        _use_new_zipfile_serialization=zipped,
    )

    with pytest.raises(ValueError, match="Python objects besides tensors"):
        torch_files.entries(path)
    assert not (tmp_path / "ran").exists()


def test_a_tensor_larger_than_what_is_stored_is_refused(tmp_path):
    bomb = torch.ones(1).expand(10**6, 10**6)

    with pytest.raises(ValueError, match="made to fill the memory"):
        torch_files.entries(save(tmp_path / "a.pt", {"a": bomb}))


@pytest.mark.parametrize("length", [0, 1, 100, -1, -200])
def test_damaged_files_are_refused(tmp_path, length):
    path = save(tmp_path / "a.pt", {"a": torch.arange(1000.0)})
    path.write_bytes(path.read_bytes()[:length])

    with pytest.raises(ValueError, match="cannot be read as weights"):
        torch_files.entries(path)


@pytest.mark.parametrize("content", [torch.ones(2), [1, 2], {"a": 1}])
def test_a_file_without_names_is_refused(tmp_path, content):
    with pytest.raises(ValueError, match="no tensors by name"):
        torch_files.entries(save(tmp_path / "a.pt", content))


def test_sparse_tensors_are_refused(tmp_path):
    path = save(tmp_path / "a.pt", {"a": torch.eye(2).to_sparse()})

    with pytest.raises(ValueError, match="sparse, nested, quantised"):
        torch_files.entries(path)


@pytest.mark.parametrize("kind", ["complex", "meta", "nested"])
@pytest.mark.filterwarnings("ignore:The PyTorch API of nested")
def test_other_tensors_without_real_values_are_refused(tmp_path, kind):
    values = {
        "complex": torch.ones(2, dtype=torch.complex64),
        "meta": torch.empty(2, device="meta"),
        "nested": torch.nested.nested_tensor([torch.ones(2), torch.ones(1)]),
    }

    with pytest.raises(ValueError, match="dense tensor of real"):
        torch_files.entries(save(tmp_path / "a.pt", {"a": values[kind]}))


def test_a_tensor_that_is_stored_negated_is_read(tmp_path):
    path = save(tmp_path / "a.pt", {"a": torch._neg_view(torch.ones(2))})

    assert read(path)["a"].tolist() == [-1, -1]


def test_pytorch_is_named_where_it_is_missing(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)

    with pytest.raises(ValueError, match="which is not installed"):
        torch_files.entries(tmp_path / "a.pt")


def test_plain_records_of_a_training_are_let_through(tmp_path):
    """Random states of NumPy, and paths among the options."""
    path = save(
        tmp_path / "a.pt",
        {
            "a": torch.ones(2),
            "numpy": np.random.RandomState(0).get_state(),
            "args": argparse.Namespace(out=pathlib.PosixPath("/runs")),
        },
    )

    assert read(path).keys() == {"a"}


def test_the_message_names_the_object_and_does_not_advise_to_run_it(tmp_path):
    path = save(tmp_path / "a.pt", {"a": torch.nn.Linear(2, 2)})

    with pytest.raises(ValueError, match=r"holds torch\S*Linear") as error:
        torch_files.entries(path)
    assert "weights_only" not in str(error.value)


@pytest.mark.parametrize("has_sums", [True, False])
def test_a_changed_byte_is_found_if_sums_are_stored(tmp_path, has_sums):
    serialization = torch.serialization
    before = serialization.get_crc32_options()
    serialization.set_crc32_options(has_sums)
    try:
        path = save(tmp_path / "a.pt", {"a": torch.full((64,), 7.0)})
    finally:
        serialization.set_crc32_options(before)
    assert read(path)["a"].tolist() == [7.0] * 64
    content = path.read_bytes()
    seven = np.float32(7).tobytes()
    path.write_bytes(content.replace(seven, np.float32(8).tobytes(), 1))

    if has_sums:
        with pytest.raises(ValueError, match="Bad CRC-32"):
            torch_files.entries(path)
    else:
        assert read(path)["a"][0] == 8
