"""Sections of a configuration: options that belong together."""

import dataclasses
import functools
import typing

from layerlock.config.option import Option, options_of


class UnresolvedError(AttributeError):
    """An option was read before its default was derived."""


@typing.dataclass_transform(frozen_default=True, kw_only_default=True)
def section(cls):
    """Makes a class a frozen dataclass of options with keywords only."""
    return dataclasses.dataclass(
        frozen=True, kw_only=True, eq=False, repr=False
    )(cls)


class Section:
    """Base of all sections: options that belong together.

    An option that is not set has its constant default. If its default is
    derived instead, it can only be read in a resolved configuration.

    Attributes:
        given: frozenset of the names of the options that were set.

    Example:

    >>> from layerlock.config.training import TrainingConfig
    >>> TrainingConfig(steps=60)
    TrainingConfig(steps=60)
    >>> TrainingConfig(steps=60).batch_size
    32
    """

    title = ""

    def __post_init__(self):
        values = self.__dict__
        for name, option in self.options().items():
            value = option.check(values.pop(name))
            if value is not None:
                values[name] = value
        values["given"] = frozenset(values)

    @classmethod
    @functools.cache
    def options(cls) -> dict[str, Option]:
        """The options of the section, by name."""
        return options_of(cls)

    def __getattr__(self, name):
        option = type(self).options().get(name)
        if option is None:
            raise AttributeError(
                f"{type(self).__name__} has no option {name!r}."
            )
        if option.rule is None and not option.required:
            return option.default
        raise UnresolvedError(
            f"`{name}` of {type(self).__name__} is not known before the "
            "configuration is resolved. Call `resolve()` of the configuration, "
            "and read it there."
        )

    @property
    def values(self) -> dict:
        """What was set, and in a resolved configuration all, by name."""
        return {
            name: self.__dict__[name]
            for name in self.options()
            if name in self.__dict__
        }

    def check_together(self, config):
        """Raises `OptionError` if options contradict each other.

        Args:
            config: the configuration, resolved up to this section.
        """

    def __eq__(self, other):
        return type(other) is type(self) and other.values == self.values

    __hash__ = None

    def __repr__(self):
        values = ", ".join(f"{k}={v!r}" for k, v in self.values.items())
        return f"{type(self).__name__}({values})"
