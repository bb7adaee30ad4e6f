"""Two processes never write into one run."""

import os
import signal
import subprocess
import sys

import pytest

from layerlock.runs import lock

HOLD = """
import sys, time
from layerlock.runs import lock
lock.hold(sys.argv[1])
print("held", flush=True)
time.sleep(100)
"""


@pytest.fixture
def other(tmp_path, pytestconfig):
    """A process that is busy with a run, and the run's folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(pytestconfig.rootpath)},
    )
    assert process.stdout.readline() == "held\n"
    yield process, tmp_path
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_folder_that_another_process_holds_is_refused(other):
    process, path = other
    with pytest.raises(ValueError, match=f"running, in process {process.pid}"):
        lock.hold(path)


def test_a_kill_frees_it(other):
    process, path = other
    process.send_signal(signal.SIGKILL)
    process.wait()

    lock.hold(path)
    assert (path / lock.NAME).read_text() == str(os.getpid())


def test_a_lock_is_held_until_its_process_ends(other, tmp_path_factory):
    process, path = other
    assert lock.is_held(path)
    assert not lock.is_held(tmp_path_factory.mktemp("free"))

    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not lock.is_held(path)


def test_a_process_can_hold_its_own_folder_again(tmp_path):
    lock.hold(tmp_path)
    lock.hold(tmp_path)


def test_disks_without_locks_do_without(tmp_path, monkeypatch):
    import fcntl

    def fail(*arguments):
        raise OSError("no locks available")

    monkeypatch.setattr(fcntl, "flock", fail)
    lock.hold(tmp_path)
