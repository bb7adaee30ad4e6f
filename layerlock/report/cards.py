"""Plain data that the templates turn into HTML."""

import dataclasses
from collections.abc import Sequence


@dataclasses.dataclass(frozen=True)
class Tile:
    """One number at the top of a page.

    Attributes:
        name: of the number.
        value: the number, as text.
        note: a short explanation below it.
        mood: `"good"` or `"bad"`, which colour the value, or `""`.
        is_wide: whether the tile takes two columns.
    """

    name: str
    value: str
    note: str = ""
    mood: str = ""
    is_wide: bool = False


@dataclasses.dataclass(frozen=True)
class Notice:
    """A paragraph that stands out; `backticks` mark code."""

    text: str
    is_alarm: bool = False


@dataclasses.dataclass(frozen=True)
class Figure:
    """A drawing with its title and caption.

    Attributes:
        title: of the card.
        caption: the content of the drawing, and its course in a healthy run.
        svg: the drawing, or None if the run did not log its numbers.
        legend: pairs of a class of `style.css` and a label.
        is_wide: whether the card takes the whole row.
    """

    title: str
    caption: str
    svg: str | None
    legend: Sequence[tuple[str, str]] = ()
    is_wide: bool = False


@dataclasses.dataclass(frozen=True)
class Clip:
    """Strips of frames, one below the other.

    Attributes:
        rows: pairs of a label and the `data:` address of a picture.
        caption: a line above them.
    """

    rows: Sequence[tuple[str, str]]
    caption: str = ""


@dataclasses.dataclass(frozen=True)
class Table:
    """The column names and the rows of a table."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclasses.dataclass(frozen=True)
class Section:
    """A heading, an introduction, and what is shown below it.

    Attributes:
        title: the heading.
        text: the introduction; `backticks` mark code.
        figures: cards side by side.
        table: a table, in a card of its own.
        clips: pictures, in one card.
    """

    title: str
    text: str = ""
    figures: Sequence[Figure] = ()
    table: Table | None = None
    clips: Sequence[Clip] = ()
