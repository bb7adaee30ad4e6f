"""Writes a file or a folder beside its place, and moves it when it is whole."""

import contextlib
import os
import pathlib

from layerlock import disk
from layerlock.config import OptionError
from layerlock.runs import directory


def card_path(out: pathlib.Path, suffix: str) -> pathlib.Path:
    """The card of an export: `NAME.md` of a file, `README.md` of a folder."""
    return out.with_suffix(".md") if suffix else out / "README.md"


def check_free(out: pathlib.Path, suffix: str):
    """Raises unless an export can be written without replacing anything.

    Args:
        out: of the file or the folder.
        suffix: str, of a file; empty for a folder.
    """
    if not suffix:
        directory.check_free(out, "out")
        return
    for path in (out, card_path(out, suffix), weights_path(out)):
        if path.exists():
            raise OptionError(
                f"{path} exists. Nothing is overwritten: pass another `out`."
            )


def weights_path(out: pathlib.Path) -> pathlib.Path:
    """Where the weights are that do not fit into a file of ONNX."""
    return out.with_name(f"{out.name}.data")


@contextlib.contextmanager
def draft(out: pathlib.Path):
    """Yields a folder beside `out`, which is removed at the end.

    Its name depends on `out` only, so that the next conversion removes that
    of a killed one.
    """
    out = out.resolve()
    folder = out.with_name(f".converting_{out.name}")
    disk.discard(folder)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        disk.discard(folder)


def place(written: pathlib.Path, out: pathlib.Path, suffix: str):
    """Moves a whole export to its place.

    Args:
        written: the file or folder in a folder of `draft`; what lies beside a
            file is moved too.
        out: its place.
        suffix: str, of a file; empty for a folder.
    """
    out = out.resolve()  # it may be a link
    check_free(out, suffix)
    if not suffix:
        if out.exists():  # empty
            out.rmdir()
        os.rename(written, out)
    else:
        # The file itself last: where it is, all is.
        others = sorted(set(written.parent.iterdir()) - {written})
        for path in (*others, written):
            disk.flush(path)
            os.rename(path, out.with_name(path.name))
    disk.flush(out.parent)
