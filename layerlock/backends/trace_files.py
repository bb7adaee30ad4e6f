"""Where the files of a trace go."""

import os
import pathlib
import platform
import time


def free_name() -> str:
    """A name that no other trace has: of this or of another process."""
    return f"{platform.node()}_{os.getpid()}.{time.time_ns()}"


def free_folder(folder) -> pathlib.Path:
    """A new folder inside of a folder, for a trace alone.

    XLA names its files by host and second, and would replace those of another
    process.

    Args:
        folder: path.
    """
    path = pathlib.Path(folder) / free_name()
    path.mkdir(parents=True)
    return path
