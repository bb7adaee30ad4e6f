"""Reads a table of trims: a path, a first and a last second in every row."""

import csv
import math
import re
from typing import NamedTuple

from layerlock.data import lists, text_files
from layerlock.data.names import readable

_DELIMITERS = ",;\t"
_CLOCK = re.compile(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d*)?|\.\d+)")
_CURE = (
    "Expected a path, a first and a last second, such as one.mp4,2.5,00:01:02."
)


class Trim(NamedTuple):
    """A part of a video.

    Attributes:
        path: of the video, relative to the folder of videos, or absolute.
        first: float, seconds.
        last: float, seconds.
        place: str, file and line, for messages.
    """

    path: str
    first: float
    last: float
    place: str = ""


def read(place) -> list[Trim]:
    """Returns the rows of a table of trims.

    Columns are separated by commas, semicolons or tabs. Times are seconds or
    clock times, `00:01:02.5`. A first row that has no times and no video is
    taken as a row of names.

    Args:
        place: path of the file, in UTF-8, UTF-16 or Latin-1.

    Raises:
        ValueError: if a row cannot be read, with the file and the line.
    """
    lines = text_files.lines(place)
    delimiter = max(_DELIMITERS, key=lambda one: _num_trims(lines, one))
    trims, is_first = [], True
    try:
        for number, row in _rows(lines, delimiter):
            if not (is_first and _is_heading(row)):
                where = f"line {number} of {readable(place)}"
                trims.append(_trim(row, delimiter, where))
            is_first = False
    except csv.Error as error:
        raise ValueError(
            f"`trims`: {readable(place)} cannot be read: {error}. A path with "
            'a quote is written as "say ""cheese"".mp4".'
        ) from error
    if not trims:
        raise ValueError(f"`trims`: {readable(place)} has no row. {_CURE}")
    return trims


def seconds(text: str) -> float:
    """Returns a time in seconds.

    Args:
        text: str, seconds or a clock time.

    Raises:
        ValueError: if it is no time.

    Example:

    >>> [seconds(text) for text in ("2.5", "1:02", "00:01:02.5")]
    [2.5, 62.0, 62.5]
    """
    found = _CLOCK.fullmatch(text.strip())
    if not found:
        value = float(text)  # such as 1e3 or -1
        if not math.isfinite(value):
            raise ValueError(f"{text} is no time.")
        return value
    hours, minutes, rest = (float(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + rest


def _rows(lines, delimiter: str):
    """Yields the number of a line and its cells, without empty lines."""
    reader = csv.reader(
        (f"{line}\n" for line in lines), delimiter=delimiter, strict=True
    )
    for row in reader:
        if any(cell.strip() for cell in row):
            yield reader.line_num, row


def _num_trims(lines, delimiter: str) -> int:
    """Returns how many rows are trims with a delimiter."""
    try:
        return sum(
            _times(row, delimiter) is not None
            for _, row in _rows(lines, delimiter)
        )
    except csv.Error:
        return 0


def _trim(row, delimiter: str, where: str) -> Trim:
    times = _times(row, delimiter)
    if times is None:
        raise ValueError(
            f"`trims`: {where} has no path with two times. Received: "
            f"{readable(delimiter.join(row))}. {_CURE}"
        )
    # A path may have commas without quotes.
    return Trim(delimiter.join(row[:-2]).strip(" \t"), *times, where)


def _times(row, delimiter: str) -> list[float] | None:
    """Returns the last two cells as seconds, `None` if they are no times."""
    if len(row) < 3:
        return None
    try:
        return [seconds(_plain(cell, delimiter)) for cell in row[-2:]]
    except ValueError:
        return None


def _is_heading(row) -> bool:
    return len(row) == 3 and not (
        lists.is_video(row[0].strip()) or any(map(_has_digit, row[1:]))
    )


def _has_digit(cell: str) -> bool:
    return any(letter.isdigit() for letter in cell)


def _plain(cell: str, delimiter: str) -> str:
    """A number with a decimal comma, where commas separate no columns."""
    return cell if delimiter == "," else cell.replace(",", ".")
