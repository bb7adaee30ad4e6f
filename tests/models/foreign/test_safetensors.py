import json
import warnings

import numpy as np
import pytest

from layerlock.models.foreign import _safetensors
from tests.models.foreign import files


def read(path, name):
    _, reader = _safetensors.entries(path)[name]
    return reader()


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_arrays_are_read_in_float32_or_better(tmp_path, dtype):
    values = np.arange(6).reshape(2, 3).astype(dtype)
    files.write_safetensors(tmp_path / "a.safetensors", {"b": values})

    found = read(tmp_path / "a.safetensors", "b")

    assert found.dtype == ("float64" if dtype == "float64" else "float32")
    np.testing.assert_array_equal(found, values)


def test_bfloat16_is_read_exactly(tmp_path):
    values = np.float32([[1.0, -2.5, 3e38, 1e-30]])
    files.write_safetensors(tmp_path / "a.safetensors", {"b": values}, True)

    found = read(tmp_path / "a.safetensors", "b")

    np.testing.assert_allclose(found, values, rtol=2**-7)
    assert files.bfloat16_bits(found).tolist() == (
        files.bfloat16_bits(values).tolist()
    )


def test_the_format_is_that_of_the_library(tmp_path):
    library = pytest.importorskip("safetensors.numpy")
    values = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    library.save_file({"b": values}, tmp_path / "a.safetensors")

    found = read(tmp_path / "a.safetensors", "b")

    np.testing.assert_array_equal(found, values)


def write(path, header, content=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + content)


@pytest.mark.parametrize(
    "header, message",
    [
        (b"{", "not JSON"),
        (b"[1]", "must hold an object"),
        ({"a": 1}, "must be an object"),
        ({"a": {"dtype": "F32"}}, "has no 'shape'"),
        (
            {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}},
            "needs 8 bytes",
        ),
        (
            {"a": {"dtype": "F32", "shape": [9], "data_offsets": [0, 36]}},
            "copied in part",
        ),
        (
            {"a": {"dtype": "F32", "shape": [-1], "data_offsets": [8, 4]}},
            "'shape' in 'a'",
        ),
        (
            {"a": {"dtype": "X", "shape": [1], "data_offsets": [0, 4]}},
            "has the type 'X'",
        ),
    ],
)
def test_damaged_headers_are_refused(tmp_path, header, message):
    write(tmp_path / "a.safetensors", header, bytes(16))

    with pytest.raises(ValueError, match=message):
        _safetensors.entries(tmp_path / "a.safetensors")


@pytest.mark.parametrize("content", [b"", b"\1\2", b"\xff" * 40])
def test_what_is_no_such_file_is_refused(tmp_path, content):
    (tmp_path / "a.safetensors").write_bytes(content)

    with pytest.raises(ValueError, match="no whole safetensors file"):
        _safetensors.entries(tmp_path / "a.safetensors")


def test_every_cut_is_seen(tmp_path):
    path = tmp_path / "a.safetensors"
    files.write_safetensors(path, {"b": np.ones((2, 3), "float32")})
    whole = path.read_bytes()

    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError), warnings.catch_warnings():
            _safetensors.entries(path)
