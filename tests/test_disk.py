"""Errors of the disk name the file and say what to do."""

import errno
import os

import filelock
import pytest

from layerlock import disk


def test_a_file_is_written_whole(tmp_path):
    disk.write(tmp_path / "file", b"content")
    disk.flush(tmp_path / "file")
    disk.flush(tmp_path)

    assert (tmp_path / "file").read_bytes() == b"content"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux has it")
def test_a_write_that_fails_names_its_file():
    with pytest.raises(OSError) as refused:
        disk.write("/dev/full", b"content")

    assert refused.value.errno == errno.ENOSPC
    assert refused.value.filename == "/dev/full"


def test_an_error_that_names_a_file_keeps_it():
    with (
        pytest.raises(FileNotFoundError) as refused,
        disk.named("another"),
    ):
        os.remove("/no/such/file")

    assert refused.value.filename == "/no/such/file"


@pytest.mark.parametrize("number", disk.ADVICE)
def test_every_error_says_what_and_where_and_what_to_do(number):
    error = OSError(number, os.strerror(number), "runs/mine/file")

    explained = disk.explained(error, "go on.")

    assert isinstance(explained, OSError)
    assert explained.errno == number
    assert str(explained).startswith(f"{os.strerror(number)}: runs/mine/file.")
    assert str(explained).endswith(", then go on.")


def test_what_cannot_be_removed_stays(tmp_path):
    disk.discard(tmp_path / "missing")
    (tmp_path / "folder" / "inner").mkdir(parents=True)
    disk.discard(tmp_path / "folder")

    assert list(tmp_path.iterdir()) == []


def test_a_lock_is_of_one_at_a_time(tmp_path):
    with disk.locked(tmp_path / "lock"):
        with pytest.raises(filelock.Timeout):
            with disk.locked(tmp_path / "lock", timeout=0):
                pass
    with disk.locked(tmp_path / "lock", timeout=0):
        pass
