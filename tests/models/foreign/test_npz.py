import io
import zipfile

import numpy as np
import pytest

from layerlock.models.foreign import _npz
from tests.models.foreign import files


def read(path, name):
    _, reader = _npz.entries(path)[name]
    return reader()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_are_read_by_name(tmp_path, save):
    values = np.random.default_rng(0).normal(size=(2, 3))
    save(
        tmp_path / "a.npz",
        **{"params/a": values, "b": values.astype("float16")},
    )

    np.testing.assert_array_equal(read(tmp_path / "a.npz", "params/a"), values)
    assert read(tmp_path / "a.npz", "b").dtype == "float32"


def test_bfloat16_is_read_as_numpy_stores_it(tmp_path):
    values = np.float32([1.0, -2.5])
    bits = files.bfloat16_bits(values)
    np.savez(tmp_path / "a.npz", a=bits.view("V2"))

    np.testing.assert_array_equal(read(tmp_path / "a.npz", "a"), values)


class Malicious:
    def __reduce__(self):
        return exec, ("raise SystemExit('ran')",)


def test_pickled_objects_are_refused(tmp_path):
    objects = np.array([Malicious()], dtype=object)
    np.savez(tmp_path / "a.npz", a=objects)

    with pytest.raises(ValueError, match="pickled Python objects"):
        _npz.entries(tmp_path / "a.npz")


def with_header(path, shape, size=8):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        file, {"descr": "<f4", "fortran_order": False, "shape": shape}
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", file.getvalue() + bytes(size))


@pytest.mark.parametrize(
    "shape, size, message",
    [
        ((10**6, 10**6), 8, "for which it is too short"),
        ((10**7,), 4 * 10**7, "made to fill the memory"),
    ],
)
def test_a_header_that_claims_too_much_is_refused(
    tmp_path, shape, size, message
):
    with_header(tmp_path / "a.npz", shape, size)

    with pytest.raises(ValueError, match=message):
        _npz.entries(tmp_path / "a.npz")


def test_damaged_files_are_refused(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, a=np.arange(10_000.0))
    whole = bytearray(path.read_bytes())

    path.write_bytes(whole[:-30])
    with pytest.raises(ValueError, match="no whole npz file"):
        _npz.entries(path)
    whole[40_000] ^= 0xFF  # within the numbers
    path.write_bytes(whole)
    with pytest.raises(ValueError, match="cannot be read"):
        read(path, "a")


@pytest.mark.parametrize("dtype", ["<U3", "complex64", "datetime64[s]"])
def test_what_is_no_real_number_is_refused(tmp_path, dtype):
    np.savez(tmp_path / "a.npz", a=np.zeros(2, dtype))

    with pytest.raises(ValueError, match="Expected real numbers"):
        _npz.entries(tmp_path / "a.npz")


def test_a_member_that_is_no_array_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("a.npy", b"text")

    with pytest.raises(ValueError, match="no array of NumPy"):
        _npz.entries(tmp_path / "a.npz")
