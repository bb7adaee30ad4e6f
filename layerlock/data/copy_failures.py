"""Why a video is not copied: for good, or for now."""

import errno
import os
import tempfile

from layerlock.data import streams
from layerlock.data.names import readable

# Errors of the disk that copies are written to, not of a video.
_FULL = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EROFS,
    errno.EIO,
    errno.EMFILE,
)
_BLOCK = 1 << 20  # bytes


def reason_of(error, source, folder=None) -> str:
    """Returns why a video is unreadable.

    Args:
        error: what its copying or probing has raised.
        source: path of the video.
        folder: path that the copy is written to. Defaults to `None`: the
            folder of temporary files.

    Raises:
        OSError, ImportError, MemoryError: if this machine or a disk is the
            reason, and not the video.
    """
    reason = streams.reason(error)
    if isinstance(error, (ImportError, MemoryError)):
        raise error
    if isinstance(error, streams.DecodingError):
        if error.is_of_system or error.is_of_disk:
            raise OSError(
                f"{readable(source)} cannot be read now: {reason}"
            ) from error
        _check_disk(source)
        return reason
    if getattr(error, "errno", None) in _FULL:
        place = readable(folder or tempfile.gettempdir())
        cure = "take another folder" if folder else "name another in TMPDIR"
        raise OSError(
            f"The copy of {readable(source)} cannot be written to {place}: "
            f"{reason}. Free some space, or {cure}."
        ) from error
    return f"{type(error).__name__}: {reason}"


def _check_disk(path):
    """Raises if a file is gone, or its disk cannot be read now."""
    try:
        with open(path, "rb") as file:
            while file.read(_BLOCK):
                pass
    except (PermissionError, IsADirectoryError):
        return
    except OSError as error:
        if not os.path.islink(path):
            raise OSError(
                f"{readable(path)} cannot be read now: "
                f"{streams.reason(error)}. Prepare again when its disk is "
                "back, or leave it out in a .txt list."
            ) from error
