"""One process at a time writes into a run directory."""

import os
from pathlib import Path

NAME = ".lock"
_held = {}  # descriptors by path: closed, and so released, when we end


def hold(path):
    """Keeps other processes from going on with a run while this one lives.

    The operating system drops the lock when the process ends, however it
    ends. Without effect where files cannot be locked: on Windows, and on some
    network disks.

    Args:
        path: folder of the run.

    Raises:
        ValueError: if another process holds it.
    """
    try:
        import fcntl
    except ImportError:
        return
    path = Path(path).resolve()
    if path in _held:
        return
    descriptor = os.open(path / NAME, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.read(descriptor, 20).decode(errors="replace")
        os.close(descriptor)
        raise ValueError(
            f"The run is still going, in process {owner}. Received: "
            f"run_dir={path}. Wait for its end or stop it, then go on with "
            "`--resume`."
        ) from None
    except OSError:
        os.close(descriptor)
        return
    os.truncate(descriptor, 0)
    os.write(descriptor, str(os.getpid()).encode())
    _held[path] = descriptor
