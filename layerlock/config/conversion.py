"""Brings the value of an option into its type."""

import contextlib
import copy
import numbers
import operator
import os


def at_home(path: str) -> str:
    """The path with the home folder of this user in place of a leading ~.

    >>> at_home("runs/~/a"), at_home("~other/a")
    ('runs/~/a', '~other/a')
    """
    return os.path.expanduser(path) if path[:2] in ("~", "~/") else path


def convert(value, kind: type, items: type = str, numbers_too: bool = False):
    """Returns a value in a type, or `None` if it has another one.

    Args:
        value: anything but `None`.
        kind: `bool`, `int`, `float`, `str`, `tuple` or `dict`.
        items: type of what a `tuple` holds. Defaults to `str`.
        numbers_too: bool, whether a number may stand for a text. Defaults to
            `False`.

    Example:

    >>> convert("2,16,16", tuple, int), convert(3, float), convert(2.5, int)
    ((2, 16, 16), 3.0, None)
    """
    if kind is tuple:
        return _tuple(value, items)
    if kind in (int, float):
        return _number(value, kind)
    if kind is str:
        return _text(value, numbers_too)
    if kind is dict and isinstance(value, str):
        return value.strip()
    return copy.copy(value) if isinstance(value, kind) else None


def _tuple(value, items):
    if isinstance(value, str):
        value = [part for part in value.split(",") if part]
    if not isinstance(value, list | tuple):
        return None
    with contextlib.suppress(ValueError, TypeError):
        return tuple(_item(item, items) for item in value)


def _item(value, items):
    """An item of a tuple; 2.5 is no whole number."""
    if items is int and not isinstance(value, str):
        return operator.index(value)
    return items(value)


def _number(value, kind):
    if isinstance(value, bool):
        return None
    if kind is float and isinstance(value, numbers.Real):
        with contextlib.suppress(OverflowError):
            return float(value)
        return None
    return int(value) if isinstance(value, numbers.Integral) else None


def _text(value, numbers_too):
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if numbers_too and is_number:
        return str(value)
    return value if isinstance(value, str) else None
