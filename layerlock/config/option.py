"""One option: its type, its default or the rule for it, and its limits."""

import dataclasses
import math
import os
import types
import typing
from collections.abc import Callable
from typing import Any

from layerlock.config.conversion import at_home, convert

_UNSET = object()
_ITEMS = {str: "words", int: "whole numbers"}
KINDS = (bool, int, float, str, tuple, dict)


class OptionError(ValueError):
    """An option, or a combination of options, that makes no sense."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Option:
    """An option of a job, as it is defined in its section.

    Args:
        name: str, of the keyword and of the flag. It ends in an underscore
            where the flag is a word of Python.
        kind: the type: `bool`, `int`, `float`, `str`, `tuple` of words, or
            `dict`, the arguments of a plug-in.
        default: the value if the option is not set and there is no rule.
        rule: function of the configuration that returns the default. The
            sections above are resolved then, and the options above in its own.
            Its docstring states the rule.
        help: str, one or two sentences.
        choices: function that returns the names that are allowed, or `None`.
        low: lowest value, or `None`.
        above: the value must be greater than this, or `None`.
        high: greatest value, or `None`.
        required: bool, whether the option must be set.
        may_change: bool, whether a resumed run may have another value.
        argument_of: str, the option that names the plug-in whose constructor
            takes this one, or `None`.
        plugin: bool, whether an instance may stand for a name.
        items: the type of what a `tuple` holds: `str` or `int`.
        numbers: bool, whether a number may stand for a text.
        word: str, that a `bool` may be instead of true or false, or `None`.
        booleans: tuple of 2 texts that false and true stand for, of an option
            that was a `bool` in older versions; `None` for others.
        replaced_by: str, an option that replaces this one where it is set
            later, or `None`.
    """

    name: str
    kind: type
    default: Any
    rule: Callable | None
    help: str
    choices: Callable | None
    low: float | None
    above: float | None
    high: float | None
    required: bool
    may_change: bool
    argument_of: str | None
    plugin: bool
    items: type
    numbers: bool
    word: str | None
    booleans: tuple | None
    replaced_by: str | None

    def check(self, value):
        """Returns a value in the option's type.

        Raises:
            OptionError: if it has another type, or is not allowed.
        """
        if value is None:
            return None
        if self.plugin and not isinstance(value, str | os.PathLike):
            return value
        value = self._converted(value)
        if isinstance(value, str) and "\0" in value:
            raise OptionError(
                f"`{self.name}` has a zero byte, which no name of a file has. "
                f"Received: {value[:80]!r}."
            )
        if self.kind in (int, float):
            self._check_range(value)
        if self.choices is not None:
            self._check_choice(value)
        return value

    def current(self, value):
        """Returns a value in the words of this version, of a path without ~."""
        if self.booleans and isinstance(value, bool):
            return self.booleans[value]
        is_text = self.kind is str and isinstance(value, str | os.PathLike)
        if is_text and value != self.default:
            return at_home(os.fspath(value))
        return value

    def _converted(self, value):
        value = self.current(value)
        if self.word is not None and value == self.word:
            return value
        converted = convert(value, self.kind, self.items, self.numbers)
        if converted is None:
            raise OptionError(
                f"`{self.name}` is {self.type_name}. Received: {value!r}."
            )
        return converted

    def _check_range(self, value):
        if isinstance(value, float) and not math.isfinite(value):
            raise OptionError(
                f"`{self.name}` must be finite. Received: {value}."
            )
        limits = (
            ("at least", self.low, self.low is None or value >= self.low),
            ("above", self.above, self.above is None or value > self.above),
            ("at most", self.high, self.high is None or value <= self.high),
        )
        if not all(holds for *_, holds in limits):
            raise OptionError(
                f"`{self.name}` must be {self.range_text}. Received: {value}."
            )

    def _check_choice(self, value):
        values = value if self.kind is tuple else (value,)
        for word in values:
            if word not in self.choices():
                raise OptionError(
                    f"Unknown `{self.name}`: {word!r}. Expected one of "
                    f"{list(self.choices())}."
                )

    @property
    def flag(self) -> str:
        """The name on the command line: `--from` sets `from_`."""
        return self.name.removesuffix("_")

    @property
    def type_name(self) -> str:
        """The type in words, such as `a whole number`."""
        return {
            bool: f"true, false or {self.word}"
            if self.word
            else "true or false",
            int: "a whole number",
            float: "a number",
            str: "a text",
            tuple: f"a list of {_ITEMS[self.items]} with commas between them",
            dict: "a dict, or a text `name=value,...`",
        }[self.kind]

    @property
    def range_text(self) -> str:
        """The range in words, such as `at least 1`; empty if there is none."""
        limits = (
            ("at least", self.low),
            ("above", self.above),
            ("at most", self.high),
        )
        return " and ".join(
            f"{word} {limit:g}" for word, limit in limits if limit is not None
        )

    @property
    def default_text(self) -> str:
        """The default in words: its value, or the rule."""
        if self.required:
            return "none: it must be set"
        if self.rule is not None:
            return " ".join(self.rule.__doc__.split()).rstrip(".")
        if self.default is None:
            return "not set"
        if self.default in ((), ""):
            return "empty"
        if isinstance(self.default, bool):
            return str(self.default).lower()
        return f"{self.default:g}" if self.kind is float else str(self.default)

    def derive(self, config):
        """Returns the default, of which rules may see the configuration."""
        if self.required:
            raise OptionError(f"`{self.name}` is missing. {self.help}")
        if self.rule is None:
            return self.default
        return self.check(self.rule(config))

    def to_text(self, value) -> str:
        """Returns the flag that sets the option to a value.

        Example:

        >>> from layerlock.config.training import TrainingConfig
        >>> options = TrainingConfig.options()
        >>> options["steps"].to_text(9), options["momentum"].to_text((0.9, 1))
        ('--steps=9', '--momentum=0.9,1')
        """
        if self.kind is bool and value != self.word:
            return f"--{self.flag}" if value else f"--no{self.flag}"
        if self.kind is tuple:
            value = ",".join(map(str, value))
        elif isinstance(value, dict):
            value = ",".join(f"{k}={_compact(v)}" for k, v in value.items())
        return f"--{self.flag}={value}"


def option(
    default=_UNSET,
    help: str = "",
    *,
    rule: Callable | None = None,
    choices=None,
    low: float | None = None,
    above: float | None = None,
    high: float | None = None,
    may_change: bool = False,
    argument_of: str | None = None,
    plugin: bool = False,
    items: type = str,
    numbers: bool = False,
    word: str | None = None,
    booleans: tuple | None = None,
    replaced_by: str | None = None,
):
    """Defines an option of a section; see `Option` for the arguments.

    Args:
        default: the value if the option is not set. Without a default and a
            rule the option must be set.
        choices: a tuple of names, or a function that returns them. Defaults
            to `None`, any value.
    """
    if choices is not None and not callable(choices):
        names = tuple(choices)
        choices = lambda: names  # noqa: E731
    details = {
        "default": None if default is _UNSET else default,
        "rule": rule,
        "help": help,
        "choices": choices,
        "low": low,
        "above": above,
        "high": high,
        "required": default is _UNSET and rule is None,
        "may_change": may_change,
        "argument_of": argument_of,
        "plugin": plugin,
        "items": items,
        "numbers": numbers,
        "word": word,
        "booleans": booleans,
        "replaced_by": replaced_by,
    }
    # A factory: a class attribute would be read where a value is missing.
    return dataclasses.field(
        default_factory=lambda: None, metadata={"option": details}
    )


def _compact(value) -> str:
    """A literal without spaces, except for those in texts."""
    text = repr(value)
    return text if {"'", '"'} & set(text) else text.replace(" ", "")


def options_of(section: type) -> dict[str, Option]:
    """Returns the options of a section, by name, in order.

    Raises:
        TypeError: if the type of one is not among `KINDS`.
    """
    hints = typing.get_type_hints(section)
    options = {}
    for field in dataclasses.fields(section):
        kind = _kind(hints[field.name])
        if kind not in KINDS:
            raise TypeError(
                f"{section.__name__}.{field.name} must be one of "
                f"{[kind.__name__ for kind in KINDS]}, or None. Received: "
                f"{hints[field.name]}."
            )
        details = field.metadata["option"]
        options[field.name] = Option(name=field.name, kind=kind, **details)
    return options


def _kind(hint):
    """The type without `None`: `int` of `int | None`."""
    if isinstance(hint, types.UnionType):
        [hint] = (part for part in typing.get_args(hint) if part is not _NONE)
    return typing.get_origin(hint) or hint


_NONE = type(None)
