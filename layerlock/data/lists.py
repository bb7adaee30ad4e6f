"""Reads lists of videos, with or without labels."""

import csv
import dataclasses
import os
import re
import unicodedata

from layerlock.data import text_files
from layerlock.data.names import readable

EXTENSIONS = (
    ".3gp .asf .avi .flv .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts .ogv .ts "
    ".vob .webm .wmv"
).split()
STILLS = ".bmp .jpeg .jpg .png .tif .tiff .webp".split()
LISTS = (".txt", ".csv", ".tsv")

# Between a path and its label, in lists of other packages; `::` is V-JEPA's.
_SEPARATORS = re.compile(r"::|[,;\t ]")
_QUOTED = re.compile(r'"((?:[^"]|"")+)"(.*)')
_HEADING = re.compile(r"(video|file|clip)?s?[_ ]?(path|name|file|video|clip)s?")
_WHOLE = ["0", "-1"]  # first frame and number of frames, in VideoMAE's lists
_SPACE = " \t"  # `str.strip` would also strip letters of names


@dataclasses.dataclass(frozen=True)
class Entry:
    """One line of a list.

    Attributes:
        path: of the video, absolute.
        label: str, `None` without one.
        number: int, of the line.
    """

    path: str
    label: str | None
    number: int


def is_video(path) -> bool:
    """Whether a name has an extension of videos."""
    return os.path.splitext(path)[1].lower() in EXTENSIONS


def is_still(path) -> bool:
    """Whether a name has an extension of pictures, which are repeated."""
    return os.path.splitext(path)[1].lower() in STILLS


def is_list(path) -> bool:
    """Whether a name has an extension of lists."""
    return os.path.splitext(path)[1].lower() in LISTS


def read(place: str) -> list[Entry]:
    """Returns the videos of a list, with their labels.

    A line has a path, relative to the folder of the list, and maybe a label
    behind a space, a tab, a comma, a semicolon or `::`. Names may contain
    these too: the path is the longest part that is a file. A path may be in
    quotes; `#` begins a comment. The lines of VideoMAE, `PATH 0 -1`, have no
    label.

    Args:
        place: path of the list, in UTF-8, UTF-16 or Latin-1.

    Raises:
        ValueError: if a line cannot be read, or only some have a label.
    """
    entries, first = [], ""
    for number, text in enumerate(text_files.lines(place), start=1):
        text = text.strip(_SPACE)
        if text and (text[0] != "#" or _find(text, place)):
            first = first or text
            entries.append(_Line(text, place, number).read())
    if entries and _is_heading(entries[0]):
        _check_columns(first, place)
        entries = entries[1:]
    _check_labels(entries, place)
    return entries


def spellings(path: str) -> list[str]:
    """Returns a path as written, and as a disk may have it.

    Some disks store letters with accents as two characters. Bytes that are
    not UTF-8 may be those of another disk, or Latin-1.

    Args:
        path: str, from a text of `text_files.read`.
    """
    found = [path]
    if _has_other_bytes(path):
        found.append(text_files.from_windows(path))
    if not path.isascii():
        found += [
            unicodedata.normalize(form, one)
            for one in tuple(found)
            for form in ("NFC", "NFD")
        ]
    return found


def labels(entries: list[Entry]) -> tuple[str, ...] | None:
    """Returns the label of each entry; `None` if they have none."""
    found = tuple(entry.label for entry in entries)
    return None if None in found or not found else found


@dataclasses.dataclass(frozen=True)
class _Line:
    text: str
    place: str
    number: int

    def read(self) -> Entry:
        for path, rest in _parts(self.text):
            found = _find(path, self.place)
            if found:
                return Entry(found, self._label(rest), self.number)
        if _has_other_bytes(self.text):
            raise self._error(
                "is not UTF-8, and names no file in Latin-1 either",
                "Save the list as UTF-8, and check that the file is there.",
            )
        path, rest = _split_missing(self.text)
        return Entry(_join(path, self.place), self._label(rest), self.number)

    def _label(self, rest: str | None) -> str | None:
        if rest is None:
            return None
        rest = rest.strip(_SPACE)
        fields = _SEPARATORS.split(rest)
        if fields == _WHOLE or not rest:
            return None
        if len(fields) > 1 and all(map(_is_number, fields[:-1])):
            raise self._error(
                f"has {len(fields)} values after the path",
                "Expected a path, or a path and a label. Parts of videos are "
                "cut by `layerlock prepare`; folders of frames are not read.",
            )
        rest = _unquoted(rest)
        return text_files.from_windows(rest) if _has_other_bytes(rest) else rest

    def _error(self, what: str, cure: str) -> ValueError:
        return ValueError(
            f"Line {self.number} of {readable(self.place)} {what}. Received: "
            f"{readable(self.text)}. {cure}"
        )


def _parts(text: str):
    """Yields a path and what is behind it, the longest path first."""
    yield text, None
    if quoted := _QUOTED.match(text):
        path, rest = quoted.groups()
        yield path.replace('""', '"'), rest.lstrip(_SPACE + ",;:") or None
    for found in reversed(list(_SEPARATORS.finditer(text))):
        yield text[: found.start()].rstrip(_SPACE), text[found.end() :]


def _split_missing(text: str) -> tuple[str, str | None]:
    """Splits a line whose file is missing after its extension."""
    for path, rest in _parts(text):
        if is_video(path) or is_still(path):
            return path, rest
    return text, None


def _find(path: str, place: str) -> str | None:
    """Returns the absolute path of a file, `None` if it is missing."""
    candidates = (_join(spelling, place) for spelling in spellings(path))
    return next(filter(os.path.isfile, candidates), None)


def _join(path: str, place: str) -> str:
    folder = os.path.dirname(place)
    return os.path.normpath(os.path.join(folder, os.path.expanduser(path)))


def _has_other_bytes(text: str) -> bool:
    """Whether a text has bytes that are not UTF-8."""
    return any("\udc80" <= letter <= "\udcff" for letter in text)


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?", text) is not None


def _unquoted(text: str) -> str:
    return next(csv.reader([text]))[0] if text.startswith('"') else text


def _is_heading(entry: Entry) -> bool:
    """Whether a first line names columns, such as `path,label`."""
    if os.path.lexists(entry.path):
        return False
    first = _SEPARATORS.split(os.path.basename(entry.path))[0]
    return _HEADING.fullmatch(first.lower()) is not None


def _check_columns(heading: str, place):
    """Raises if a heading names more columns than two."""
    columns = max((heading.split(one) for one in ",;\t"), key=len)
    if len(columns) > 2:
        raise ValueError(
            f"{readable(place)} has {len(columns)} columns, "
            f"{readable(heading)}. Expected a path, or a path and a label: "
            "remove the others, which would be part of the label."
        )


def _check_labels(entries, place):
    with_label = [entry for entry in entries if entry.label is not None]
    if len(with_label) in (0, len(entries)):
        return
    without = next(entry for entry in entries if entry.label is None)
    other = with_label[0]
    raise ValueError(
        f"Line {without.number} of {readable(place)} has no label, and line "
        f"{other.number} has one, {readable(other.label)}. Give every line a "
        "label, or none."
    )
