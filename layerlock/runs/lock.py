"""The lock of a run directory, for one writing process at a time."""

import contextlib
import os
from pathlib import Path

import filelock

NAME = ".lock"
_held = {}  # by path: garbage collection would release a lock


def hold(path):
    """Prevents other processes from resuming a run until `release`.

    The operating system releases the lock when the process ends, even if it is
    killed. No effect on file systems without locks, such as some network
    disks.

    Args:
        path: folder of the run.

    Raises:
        ValueError: if another process holds it.

    Example:

    ```python
    lock.hold("runs/scenes")
    ```
    """
    path = Path(path).resolve()
    if path in _held:
        return
    file = path / NAME
    lock = _lock(file)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise ValueError(
            f"The run is still running, in process {_owner(file)}. Received: "
            f"run_dir={path}. Wait for its end or stop it, then use `resume`."
        ) from None
    except (OSError, NotImplementedError):
        return
    _held[path] = lock
    with contextlib.suppress(PermissionError):  # Windows: locked is locked
        file.write_text(str(os.getpid()))


def release(path):
    """Lets other processes go on with a run. No effect if it is not held."""
    lock = _held.pop(Path(path).resolve(), None)
    if lock is not None:
        lock.release()


def is_held(path) -> bool:
    """Whether a process holds the lock of a folder now.

    Args:
        path: the folder.
    """
    file = Path(path) / NAME
    if not file.exists():
        return False
    lock = _lock(file)
    try:
        lock.acquire()
    except filelock.Timeout:
        return True
    except (OSError, NotImplementedError):  # a disk without locks
        return False
    lock.release()
    return False


def _lock(file: Path) -> filelock.BaseFileLock:
    # A plain lock file would remain after a killed process.
    return filelock.FileLock(
        file,
        timeout=0,
        mode=0o666,
        thread_local=False,
        fallback_to_soft=False,
    )


def _owner(file: Path) -> str:
    try:
        return file.read_text(errors="replace")
    except PermissionError:  # Windows keeps what is locked from being read
        return "unknown"
