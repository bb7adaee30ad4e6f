"""Writes whole files, with errors that name the file."""

import contextlib
import errno
import hashlib
import os
import shutil

# What to do about an error of a disk, before going on.
ADVICE = {
    errno.ENOSPC: "Free space on that disk",
    errno.EDQUOT: "Free space within your quota",
    errno.EFBIG: "Choose a disk that allows files of that size",
    errno.EIO: "Check that disk",
    errno.EROFS: "Make that disk writable",
    errno.EACCES: "Make that folder writable",
    errno.EPERM: "Make that folder writable",
    errno.ENOENT: "Check that the disk is mounted",
    errno.ESTALE: "Check that the disk is mounted",
    errno.ENODEV: "Check that the disk is mounted",
    errno.ETIMEDOUT: "Check that the disk answers",
}


class DiskError(OSError):
    """The disk refused; says which file, and what to do."""

    def __str__(self):
        return self.strerror


def explained(error: OSError, then: str) -> DiskError:
    """An error that says what to do.

    Args:
        error: an error whose number is in `ADVICE`.
        then: str, how to go on when it is mended.

    Example:

    >>> full = OSError(errno.ENOSPC, "No space left", "runs/a/x")
    >>> str(explained(full, "start again."))
    'No space left: runs/a/x. Free space on that disk, then start again.'
    """
    where = f": {error.filename}" if error.filename else ""
    return DiskError(
        error.errno,
        f"{error.strerror}{where}. {ADVICE[error.errno]}, then {then}",
        error.filename,
    )


@contextlib.contextmanager
def named(path):
    """Gives errors of the disk the name of the file, where they lack it.

    Python knows no name where the write fails, and not the opening.
    """
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = os.fspath(path)
        raise


def write(path, content: bytes):
    """Writes a file, and waits until it is on the disk."""
    with named(path), open(path, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def flush(path):
    """Waits until a file, or the list of the files of a folder, is on disk."""
    # Windows cannot open a folder, and needs no flush of it.
    if os.name == "nt" and os.path.isdir(path):
        return
    with named(path):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def digest(path) -> str:
    """The SHA-256 checksum of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def discard(folder):
    """Removes a folder as far as it can be removed.

    Not being able to is no reason to end a run: network disks keep files that
    another process reads.
    """
    shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def locked(path, timeout: float = -1):
    """Holds a lock file, which the system releases at the end of a process.

    No effect on disks without locks, such as some network disks.

    Args:
        path: of the lock file; its folder exists.
        timeout: float, seconds to wait for another process. Defaults to `-1`:
            as long as it takes.

    Raises:
        filelock.Timeout: if another process still holds it.
    """
    import filelock

    # A plain file instead of a lock would stay after a kill.
    lock = filelock.FileLock(path, timeout=timeout, fallback_to_soft=False)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise
    except (OSError, NotImplementedError):
        pass
    try:
        yield
    finally:
        lock.release()
