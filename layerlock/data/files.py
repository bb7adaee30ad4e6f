"""Finds the videos of a folder, a glob or a list."""

import dataclasses
import fnmatch
import glob
import os
import pathlib

from layerlock.data import lists, randomness, scan
from layerlock.data.names import readable
from layerlock.data.streams import Facts
from layerlock.data.walk import walk

_REPLACEMENTS = 100  # random stream
_NUM_NAMED = 5


@dataclasses.dataclass(frozen=True)
class FileList:
    """The videos of a run, readable or not, in a fixed order.

    Every file keeps its position. An unreadable file is replaced by a readable
    one, which depends on the position only: the length of an epoch and all
    other clips stay the same.

    Attributes:
        root: the folder with the class folders.
        paths: all files.
        results: for each path its `Facts`, or the reason why it is
            unreadable.
        labels: for each path a label, instead of its sub-folder. Defaults to
            `None`.
    """

    root: str
    paths: tuple[str, ...]
    results: tuple[Facts | str, ...]
    labels: tuple[str, ...] | None = None

    def __post_init__(self):
        good = [
            position
            for position, result in enumerate(self.results)
            if not isinstance(result, str)
        ]
        object.__setattr__(self, "good", tuple(good))
        names = sorted(set(self.labels or self._folders()))
        if all(name.isdecimal() for name in names):
            names.sort(key=int)
        object.__setattr__(self, "class_names", tuple(names))

    def __len__(self):
        return len(self.paths)

    @property
    def bad(self) -> dict[str, str]:
        """The reason for each unreadable file, by its path."""
        return {
            path: result
            for path, result in zip(self.paths, self.results, strict=True)
            if isinstance(result, str)
        }

    def readable(self, position: int) -> int:
        """Returns the position, or that of the replacement if unreadable."""
        if not isinstance(self.results[position], str):
            return position
        return self.another(0, position, 0)

    def another(self, *counters: int) -> int:
        """Returns the position of a random readable file.

        Args:
            *counters: a seed, then at most two ints.
        """
        seed, *counters = counters
        draw = randomness.generator(seed, _REPLACEMENTS, *counters)
        return self.good[int(draw.integers(len(self.good)))]

    def class_of(self, position: int) -> int | None:
        """Returns the class of a file as an index into `class_names`."""
        if not self.class_names:
            return None
        if self.labels is not None:
            return self.class_names.index(self.labels[position])
        return self.class_names.index(_folder(self.root, self.paths[position]))

    def relative(self, position: int) -> str:
        """Returns the path of a file, relative to the root if inside."""
        path = os.path.relpath(self.paths[position], self.root)
        return self.paths[position] if path.startswith("..") else path

    def to_json(self) -> dict:
        """Returns plain values for `from_json`.

        Paths are as they open the files: bytes that are not UTF-8 are
        surrogates, which JSON keeps as escapes.
        """
        files = [
            {"position": position, "path": self.paths[position]}
            | dataclasses.asdict(self.results[position])
            for position in self.good
        ]
        unreadable = [
            {
                "position": position,
                "path": self.paths[position],
                "reason": result,
                "replacement": self.paths[self.readable(position)],
            }
            for position, result in enumerate(self.results)
            if isinstance(result, str)
        ]
        if self.labels is not None:
            for file in (*files, *unreadable):
                file["label"] = self.labels[file["position"]]
        return {"root": self.root, "files": files, "unreadable": unreadable}

    @classmethod
    def from_json(cls, values: dict):
        """Restores a list from the result of `to_json`."""
        facts = [field.name for field in dataclasses.fields(Facts)]
        by_position = {
            file["position"]: (
                file["path"],
                Facts(**{name: file[name] for name in facts if name in file}),
                file.get("label"),
            )
            for file in values["files"]
        }
        for file in values["unreadable"]:
            by_position[file["position"]] = (
                file["path"],
                file["reason"],
                file.get("label"),
            )
        entries = [
            by_position[position] for position in range(len(by_position))
        ]
        paths, results, labels = zip(*entries, strict=True)
        labels = None if None in labels else labels
        return cls(values["root"], paths, results, labels)

    def _folders(self):
        """Returns the sub-folder of each file; empty if one has none."""
        names = [_folder(self.root, path) for path in self.paths]
        return [] if None in names else names


def list_files(spec, cache=None, progress=None) -> FileList:
    """Finds the videos at a path and reads some frames of each.

    A place without videos may have pictures, which are videos of one frame.

    Args:
        spec: a folder, which is searched with all its sub-folders; a glob; a
            `.txt` or `.csv` list, see `lists.read`; or one video.
        cache: see `scan.scan`.
        progress: see `scan.scan`.

    Raises:
        ValueError: if there is no readable video.
    """
    root, paths, labels = find_labelled(spec, with_stills=True)
    results = scan.scan(paths, cache=cache, progress=progress)
    files = FileList(root, tuple(paths), tuple(results), labels)
    if not files.good:
        reasons = [
            f"\n  {readable(path)}: {reason}"
            for path, reason in list(files.bad.items())[:_NUM_NAMED]
        ]
        raise ValueError(
            f"None of the {len(paths)} videos in {_quoted(spec)} can be read. "
            "Expected at least one. The first are:" + "".join(reasons)
        )
    return files


def find(spec, repeated: list | None = None) -> tuple[str, list[str]]:
    """Returns the root folder and the paths of the videos at a path.

    Args:
        spec: see `list_files`.
        repeated: see `walk.walk`. Defaults to `None`.
    """
    return find_labelled(spec, repeated)[:2]


def find_labelled(
    spec, repeated: list | None = None, with_stills: bool = False
) -> tuple:
    """Returns root and paths of the videos at a path, and their labels.

    Labels are those of a list, else `None`.

    Args:
        spec: see `list_files`.
        repeated: see `walk.walk`. Defaults to `None`.
        with_stills: whether pictures are found where there is no video.
            Defaults to `False`.
    """
    kinds = (lists.is_video, lists.is_still)[: 1 + with_stills]
    place = os.path.abspath(os.path.expanduser(os.fspath(spec)))
    labels = None
    if os.path.isdir(place):
        found = (sorted(_inside(place, repeated, kind)) for kind in kinds)
        root, paths = place, next(filter(None, found), [])
    elif os.path.isfile(place) and lists.is_list(place):
        entries = lists.read(place)
        root, paths = os.path.dirname(place), [one.path for one in entries]
        labels = lists.labels(entries)
    elif os.path.lexists(place):
        root, paths = os.path.dirname(place), [place]
    elif glob.has_magic(place):
        root, matches = _fixed_part(place), sorted(_matches(place))
        found = (list(filter(kind, matches)) for kind in kinds)
        paths = next(filter(None, found), [])
    else:
        raise ValueError(
            f"There is nothing at {_quoted(spec)}. Expected a folder of "
            "videos, a glob such as '/videos/*.mp4' (in quotes), or a .txt or "
            ".csv list with one path a line. Check the spelling."
        )
    if not paths:
        raise ValueError(
            f"There is no video in {_quoted(spec)}. Expected at least one file "
            f"that ends in one of {', '.join(lists.EXTENSIONS)}. Other files "
            "can be named in a .txt file, one path a line."
        )
    return root, paths, labels


def _inside(folder: str, repeated, is_of_kind):
    """Yields the files of a kind in a folder and its sub-folders."""
    for parent, folders, names in walk(folder, repeated):
        for name in (*folders, *names):
            if is_of_kind(name):
                yield os.path.join(parent, name)


def _matches(pattern: str):
    """Yields what a glob matches; `**` follows no loop of links."""
    parts = pattern.split(os.sep)
    if "**" not in parts:
        yield from glob.glob(pattern)
        return
    start = parts.index("**")
    for top in glob.glob(os.sep.join(parts[:start]) + os.sep):
        for parent, _, names in walk(top):
            inside = os.path.relpath(parent, top)
            folders = [] if inside == os.curdir else inside.split(os.sep)
            for name in names:
                if _fits([*folders, name], parts[start:]):
                    yield os.path.join(parent, name)


def _fits(names: list, patterns: list) -> bool:
    """Whether names of folders and of a file match the parts of a glob."""
    if not patterns:
        return not names
    if patterns[0] == "**":
        rest = patterns[1:] or ["*"]
        return any(_fits(names[n:], rest) for n in range(len(names)))
    return (
        bool(names)
        and fnmatch.fnmatchcase(names[0], patterns[0])
        and _fits(names[1:], patterns[1:])
    )


def _quoted(spec) -> str:
    return f"'{readable(spec)}'"


def _fixed_part(pattern: str) -> str:
    """Returns the last folder of a glob before its first wildcard."""
    folder = os.path.dirname(pattern)
    while glob.has_magic(folder):
        folder = os.path.dirname(folder)
    return folder


def _folder(root: str, path: str) -> str | None:
    """Returns the first sub-folder of `root` on the way to a file."""
    try:
        parts = pathlib.Path(os.path.relpath(path, root)).parts
    except ValueError:  # on another drive of Windows
        return None
    return parts[0] if len(parts) > 1 and parts[0] != ".." else None
