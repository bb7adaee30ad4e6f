"""Reads JSON that another program may have damaged, and checks its entries."""

import json
import numbers
import operator
import pathlib
from collections.abc import Callable
from typing import NamedTuple

_LIMIT = 2**63  # of whole numbers: NumPy holds no more
_NAMES = {dict: "an object", list: "a list"}


class Kind(NamedTuple):
    """What an entry may be.

    Attributes:
        words: str, for the message.
        accepts: function of a value.
    """

    words: str
    accepts: Callable


def read(path, kind: type = dict):
    """Returns the content of a JSON file.

    Args:
        path: the file.
        kind: `dict` or `list`, the type of the content. Defaults to `dict`.

    Raises:
        ValueError: if the file is not JSON, or holds something else.
    """
    return decode(pathlib.Path(path).read_bytes(), path, kind)


def decode(content: bytes | str, place, kind: type = dict):
    """Returns the value of a text in JSON.

    Args:
        content: the text.
        place: what it is, for the message.
        kind: see `read`.
    """
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{place} is not JSON: {error}. Received: {content[:80]!r}. "
            "Another program has changed the file, or it was copied in part: "
            "restore it."
        ) from error
    if not isinstance(value, kind):
        raise ValueError(
            f"{place} must hold {_NAMES[kind]}. Received: {shown(value)}. "
            "Another program has changed the file: restore it."
        )
    return value


def check(values: dict, kinds: dict[str, Kind], place, required=()):
    """Raises `ValueError` if an entry is missing or of another kind.

    Args:
        values: the entries. Those without a kind are not checked.
        kinds: the kind of each entry.
        place: str or path, where the entries are, for the message.
        required: names of entries that must be there.

    Example:

    >>> check({"steps": 9, "name": "a"}, {"steps": WHOLE}, "config.json")
    """
    for name in required:
        if name not in values:
            raise ValueError(
                f"{place} has no {name!r}. Received: {shown(list(values))}. "
                "Another program has changed the file: restore it."
            )
    for name, kind in kinds.items():
        if name in values and not kind.accepts(values[name]):
            raise ValueError(
                f"{name!r} in {place} must be {kind.words}. Received: "
                f"{shown(values[name])}. Another program has changed the "
                "file: restore it."
            )


def shown(value) -> str:
    """A value as text, cut where it is long."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a number of too many digits
        text = f"a {type(value).__name__} that is too large to be shown"
    return text if len(text) <= 80 else f"{text[:77]}..."


def is_number(value) -> bool:
    """Whether a value is a number that a float can hold."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return False
    try:
        float(value)
    except OverflowError:
        return False
    return True


def is_whole(value) -> bool:
    """Whether a value is a whole number that is not negative."""
    if isinstance(value, bool):
        return False
    try:
        return 0 <= operator.index(value) < _LIMIT
    except TypeError:
        return False


def is_text(value) -> bool:
    """Whether a value is a text; names of files may have surrogates."""
    return isinstance(value, str)


def optional(kind: Kind) -> Kind:
    """The same kind, or null."""
    return Kind(
        f"{kind.words}, or null", lambda x: x is None or kind.accepts(x)
    )


def list_of(kind: Kind) -> Kind:
    """A list whose items are of one kind."""
    return Kind(
        f"a list, each of its items {kind.words}",
        lambda x: isinstance(x, list | tuple) and all(map(kind.accepts, x)),
    )


def object_of(kinds: dict[str, Kind], required=()) -> Kind:
    """An object with entries of some kinds."""

    def accepts(value):
        return (
            isinstance(value, dict)
            and all(name in value for name in required)
            and all(
                kind.accepts(value[name])
                for name, kind in kinds.items()
                if name in value
            )
        )

    words = ", ".join(f"{name!r}: {kind.words}" for name, kind in kinds.items())
    return Kind(f"an object with {words}", accepts)


def one_of(*kinds: Kind) -> Kind:
    """One of several kinds."""
    return Kind(
        " or ".join(kind.words for kind in kinds),
        lambda x: any(kind.accepts(x) for kind in kinds),
    )


NUMBER = Kind("a number", is_number)
WHOLE = Kind("a whole number, at least 0", is_whole)
TEXT = Kind("a text", is_text)
OBJECT = Kind("an object", lambda x: isinstance(x, dict))
FLAG = Kind("true or false", lambda x: isinstance(x, bool))
