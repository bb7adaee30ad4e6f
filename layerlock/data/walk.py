"""Finds the files of a folder, without loops of links."""

import os


def walk(folder, repeated: list | None = None):
    """Yields every folder in a folder once, with the names of its files.

    Links are followed. A folder that is reached in several ways is read at its
    own place, if that is in `folder`, else at the first link. Hidden files and
    folders are left out. The order is that of the names, links last.

    Args:
        folder: path.
        repeated: list, to which links to folders that are read elsewhere are
            added, except for loops. Defaults to `None`.

    Yields:
        Path of a folder, names of the folders in it, and names of the files
        in it.

    Raises:
        ValueError: if a folder cannot be read.
    """
    seen, links = {}, [os.fspath(folder)]
    while links:
        top = links.pop(0)
        for parent, folders, names in os.walk(top, onerror=_refuse):
            facts = os.stat(parent)
            place = (facts.st_dev, facts.st_ino)
            if place in seen:
                folders.clear()
                if repeated is not None and not _is_inside(top, seen[place]):
                    repeated.append(parent)
                continue
            seen[place] = parent
            folders[:] = sorted(name for name in folders if name[0] != ".")
            yield (
                parent,
                list(folders),
                sorted(name for name in names if name[0] != "."),
            )
            linked = [
                os.path.join(parent, name)
                for name in folders
                if os.path.islink(os.path.join(parent, name))
            ]
            links += linked


def _is_inside(link: str, folder: str) -> bool:
    """Whether a link lies in the folder that it leads to: a loop."""
    place = os.path.realpath(os.path.dirname(link))
    home = os.path.realpath(folder)
    return os.path.commonpath([place, home]) == home


def _refuse(error):
    raise ValueError(
        f"A folder cannot be searched for videos: {error}. Make it readable, "
        "or name the videos in a .txt file, one path a line."
    )
