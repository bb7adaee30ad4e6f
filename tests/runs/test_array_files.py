import io
import zipfile

import numpy as np
import pytest

from layerlock.runs import array_files


def npz(path, member: bytes, name="a.npy"):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, member)
    return path


def header(shape, stored: bytes) -> bytes:
    content = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        content, {"descr": "<f4", "fortran_order": False, "shape": shape}
    )
    return content.getvalue() + stored


def test_arrays_come_back(tmp_path):
    arrays = {"a": np.arange(6).reshape(2, 3), "b": np.str_("text")}
    np.savez_compressed(tmp_path / "a.npz", **arrays)

    again = array_files.read(tmp_path / "a.npz")

    assert again.keys() == arrays.keys()
    np.testing.assert_array_equal(again["a"], arrays["a"])
    assert again["b"] == "text"


@pytest.mark.parametrize("shape", [(100_000, 100_000), (2**62, 4), (-1,)])
def test_a_header_that_claims_more_than_is_stored_is_refused(tmp_path, shape):
    path = npz(tmp_path / "a.npz", header(shape, b"0" * 8))

    with pytest.raises(ValueError, match="cannot be read"):
        array_files.read(path)


def test_a_file_that_unpacks_to_too_much_is_refused(tmp_path):
    path = npz(tmp_path / "a.npz", header((1000,), b"\0" * 4000))

    with pytest.raises(ValueError, match="at most 1,000"):
        array_files.read(path, max_bytes=1000)


def test_python_objects_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", a=np.array([{}], object))

    with pytest.raises(ValueError, match="no numbers or texts"):
        array_files.read(tmp_path / "a.npz")


@pytest.mark.parametrize("cut", [0, 10, 100])
def test_a_file_that_was_cut_is_refused(tmp_path, cut):
    path = npz(tmp_path / "a.npz", header((2,), b"0" * 8))
    path.write_bytes(path.read_bytes()[:cut])

    with pytest.raises(ValueError, match="cannot be read"):
        array_files.read(path)


def test_other_members_are_refused(tmp_path):
    path = npz(tmp_path / "a.npz", b"a", name="../../stray")

    with pytest.raises(ValueError, match="is no array"):
        array_files.read(path)
