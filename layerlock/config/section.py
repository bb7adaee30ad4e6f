"""Sections of a configuration, and configurations that are made of them.

A configuration holds what was set. `resolve` adds a default for all other
options, section by section, and returns the same type.
"""

import copy
import dataclasses
import functools
import inspect
import typing

from layerlock.config.option import Option, OptionError, options_of


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


class JobConfig:
    """Base of the configurations of jobs: one section after the other.

    Fields are sections, in the order in which they are resolved.

    Example:

    >>> from layerlock.config import PretrainConfig
    >>> config = PretrainConfig.of(steps=60, preset="video_vit_tiny")
    >>> config.training.steps, config.resolve().training.warmup_steps
    (60, 3)
    """

    @classmethod
    @functools.cache
    def sections(cls) -> dict[str, type]:
        """The sections' classes, by field name."""
        hints = typing.get_type_hints(cls)
        return {f.name: hints[f.name] for f in dataclasses.fields(cls)}

    @classmethod
    @functools.cache
    def options(cls) -> dict[str, Option]:
        """All options, by name."""
        return {
            name: option
            for section in cls.sections().values()
            for name, option in section.options().items()
        }

    @classmethod
    def of(cls, **options):
        """Returns a configuration from options by name.

        Args:
            **options: values; `None` leaves an option as if it was not set.

        Raises:
            OptionError: if an option does not exist, or is not allowed.
        """
        unknown = sorted(options.keys() - cls.options().keys())
        if unknown:
            raise OptionError(
                f"Unknown option: `{unknown[0]}`. Expected some of "
                f"{list(cls.options())}."
            )
        return cls(
            **{
                name: section(
                    **{
                        key: options[key]
                        for key in section.options()
                        if key in options
                    }
                )
                for name, section in cls.sections().items()
            }
        )

    @property
    def given(self) -> dict:
        """The options that were set, by name."""
        return {
            name: value
            for section in self._sections()
            for name, value in section.values.items()
            if name in section.given
        }

    @property
    def values(self) -> dict:
        """All options of a resolved configuration, by name."""
        return {
            name: value
            for section in self._sections()
            for name, value in section.values.items()
        }

    @property
    def recorded(self) -> dict:
        """All options of a resolved configuration, as config.json has them."""
        return {name: _recorded(value) for name, value in self.values.items()}

    @property
    def is_resolved(self) -> bool:
        """Whether every option has a value."""
        return self.values.keys() == self.options().keys()

    def but(self, **options):
        """Returns a configuration, not resolved, with some options changed.

        What was derived is derived again. `None` takes back what was set.
        """
        return self.of(**{**self.given, **options})

    def without(self, *names):
        """Returns a configuration in which some options are not set."""
        return self.but(**dict.fromkeys(names))

    def resolve(self):
        """Returns the same configuration with every option set.

        Raises:
            OptionError: if options contradict each other.
        """
        if self.is_resolved:
            return self
        resolved = copy.copy(self)
        for name, section in self.sections().items():
            draft = copy.copy(getattr(self, name))
            # Frozen is for readers; nobody else holds these copies.
            resolved.__dict__[name] = draft
            for key, option in section.options().items():
                if key not in draft.__dict__:
                    draft.__dict__[key] = option.derive(resolved)
            draft.check_together(resolved)
        return resolved

    def arguments(self) -> list[str]:
        """Returns the flags that set what was set, in order."""
        options = self.options()
        return [options[k].to_text(value) for k, value in self.given.items()]

    def _sections(self):
        return [getattr(self, name) for name in self.sections()]


def keywords(config: type) -> inspect.Signature:
    """The signature of a function that takes a job's options by name.

    Args:
        config: a `JobConfig`.
    """
    parameters = [
        inspect.Parameter(
            "config",
            inspect.Parameter.POSITIONAL_ONLY,
            default=None,
            annotation=config,
        )
    ]
    for name, option in config.options().items():
        default = inspect.Parameter.empty if option.required else option.default
        parameters.append(
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=default,
                annotation=option.kind,
            )
        )
    return inspect.Signature(parameters)


def _recorded(value):
    """What config.json holds of a value: of a plug-in, class and arguments."""
    if value is None or isinstance(value, str | bool | int | float | tuple):
        return value
    if isinstance(value, dict):
        return {key: _recorded(item) for key, item in value.items()}
    kind = type(value)
    arguments = value.get_config() if hasattr(value, "get_config") else {}
    return {"class": f"{kind.__module__}.{kind.__name__}", "config": arguments}
