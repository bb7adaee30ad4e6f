"""Finds the videos of a folder, a glob or a list."""

import dataclasses
import glob
import os
import pathlib

from layerlock.data import randomness, scan
from layerlock.data.streams import Facts

EXTENSIONS = (
    ".3gp .asf .avi .flv .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts .ogv .ts "
    ".vob .webm .wmv"
).split()

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
    """

    root: str
    paths: tuple[str, ...]
    results: tuple[Facts | str, ...]

    def __post_init__(self):
        good = [
            position
            for position, result in enumerate(self.results)
            if not isinstance(result, str)
        ]
        object.__setattr__(self, "good", tuple(good))
        names = self._folders()
        object.__setattr__(self, "class_names", tuple(sorted(set(names))))

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
        return self.class_names.index(_folder(self.root, self.paths[position]))

    def relative(self, position: int) -> str:
        """Returns the path of a file, relative to the root if inside."""
        path = os.path.relpath(self.paths[position], self.root)
        return self.paths[position] if path.startswith("..") else path

    def to_json(self) -> dict:
        """Returns plain values for `from_json`."""
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
        return {"root": self.root, "files": files, "unreadable": unreadable}

    @classmethod
    def from_json(cls, values: dict):
        """Restores a list from the result of `to_json`."""
        facts = [field.name for field in dataclasses.fields(Facts)]
        by_position = {
            file["position"]: (
                file["path"],
                Facts(**{name: file[name] for name in facts}),
            )
            for file in values["files"]
        }
        for file in values["unreadable"]:
            by_position[file["position"]] = file["path"], file["reason"]
        entries = [
            by_position[position] for position in range(len(by_position))
        ]
        paths, results = zip(*entries, strict=True)
        return cls(values["root"], paths, results)

    def _folders(self):
        """Returns the sub-folder of each file; empty if one has none."""
        names = [_folder(self.root, path) for path in self.paths]
        return [] if None in names else names


def list_files(spec, cache=None, progress=None) -> FileList:
    """Finds the videos at a path and reads some frames of each.

    Args:
        spec: a folder, which is searched with all its sub-folders; a glob;
            a `.txt` file with one path a line, relative to its folder, where
            `#` begins a comment; or one video.
        cache: see `scan.scan`.
        progress: see `scan.scan`.

    Raises:
        ValueError: if there is no readable video.
    """
    root, paths = find(spec)
    results = scan.scan(paths, cache=cache, progress=progress)
    files = FileList(root, tuple(paths), tuple(results))
    if not files.good:
        reasons = [
            f"\n  {path}: {reason}"
            for path, reason in list(files.bad.items())[:_NUM_NAMED]
        ]
        raise ValueError(
            f"None of the {len(paths)} videos in {str(spec)!r} can be read. "
            "Expected at least one. The first are:" + "".join(reasons)
        )
    return files


def find(spec) -> tuple[str, list[str]]:
    """Returns the root folder and the paths of the videos at a path."""
    place = os.path.abspath(os.path.expanduser(os.fspath(spec)))
    if os.path.isdir(place):
        root, paths = place, sorted(_walk(place))
    elif os.path.isfile(place) and place.lower().endswith(".txt"):
        root, paths = os.path.dirname(place), _read_list(place)
    elif os.path.lexists(place):
        root, paths = os.path.dirname(place), [place]
    elif glob.has_magic(place):
        root = _fixed_part(place)
        matches = sorted(glob.glob(place, recursive=True))
        paths = [path for path in matches if _is_video(path)]
    else:
        raise ValueError(
            f"There is nothing at {str(spec)!r}. Expected a folder of videos, "
            "a glob such as '/videos/*.mp4' (in quotes), or a .txt file with "
            "one path a line. Check the spelling."
        )
    if not paths:
        raise ValueError(
            f"There is no video in {str(spec)!r}. Expected at least one file "
            f"that ends in one of {', '.join(EXTENSIONS)}. Other files can be "
            "named in a .txt file, one path a line."
        )
    return root, paths


def _is_video(path: str) -> bool:
    return os.path.splitext(path)[1].lower() in EXTENSIONS


def _walk(folder: str):
    """Yields the videos in a folder, without hidden files and loops."""
    seen = set()
    for parent, folders, names in os.walk(
        folder, followlinks=True, onerror=_refuse_folder
    ):
        facts = os.stat(parent)
        if (facts.st_dev, facts.st_ino) in seen:
            folders.clear()
            continue
        seen.add((facts.st_dev, facts.st_ino))
        folders[:] = sorted(name for name in folders if name[0] != ".")
        for name in [*folders, *names]:
            if name[0] != "." and _is_video(name):
                yield os.path.join(parent, name)


def _refuse_folder(error):
    raise ValueError(
        f"A folder cannot be searched for videos: {error}. Make it readable, "
        "or name the videos in a .txt file, one path a line."
    )


def _read_list(place: str) -> list[str]:
    folder = os.path.dirname(place)
    lines = pathlib.Path(place).read_text(encoding="utf-8-sig").splitlines()
    names = [line.strip() for line in lines]
    return [
        os.path.normpath(os.path.join(folder, os.path.expanduser(name)))
        for name in names
        if name and not name.startswith("#")
    ]


def _fixed_part(pattern: str) -> str:
    """Returns the last folder of a glob before its first wildcard."""
    folder = os.path.dirname(pattern)
    while glob.has_magic(folder):
        folder = os.path.dirname(folder)
    return folder


def _folder(root: str, path: str) -> str | None:
    """Returns the first sub-folder of `root` on the way to a file."""
    parts = pathlib.Path(os.path.relpath(path, root)).parts
    return parts[0] if len(parts) > 1 and parts[0] != ".." else None
