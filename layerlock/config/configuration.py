"""Configurations of jobs: sections that are resolved one after the other.

A configuration holds what was set. `resolve` adds a default for all other
options, section by section, and returns the same type.
"""

import copy
import dataclasses
import functools
import inspect
import typing

from layerlock.config.option import Option, OptionError
from layerlock.config.section import UnresolvedError


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
        options = {}
        for section in cls.sections().values():
            twice = options.keys() & section.options().keys()
            if twice:
                raise TypeError(
                    f"{cls.__name__} has an option in two sections: "
                    f"{sorted(twice)}. Rename one of them."
                )
            options.update(section.options())
        return options

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
            for section in self.resolved_sections()
            for name, value in section.values.items()
            if name in section.given
        }

    @property
    def values(self) -> dict:
        """All options of a resolved configuration, by name."""
        return {
            name: value
            for section in self.resolved_sections()
            for name, value in section.values.items()
        }

    @property
    def recorded(self) -> dict:
        """All options of a resolved configuration, as config.json has them."""
        return {name: recorded(value) for name, value in self.values.items()}

    @property
    def is_resolved(self) -> bool:
        """Whether `resolve` returned this configuration."""
        return self.__dict__.get("_is_resolved", False)

    def but(self, **options):
        """Returns a configuration, not resolved, with some options changed.

        What was derived is derived again. `None` takes back what was set.
        Arguments of a plug-in that is replaced are taken back, too.

        Example:

        >>> from layerlock.config import PretrainConfig
        >>> config = PretrainConfig.of(schedule="linear", start_step=60)
        >>> config.but(schedule="never").given
        {'schedule': 'never'}
        """
        given = self.given
        changed = {
            name
            for name, value in options.items()
            if value is not None and value != given.get(name)
        }
        replaced = changed & given.keys()
        kept = {
            name: value
            for name, value in given.items()
            if self.options()[name].replaced_by not in changed
            and self.options()[name].argument_of not in replaced
            and name.removesuffix("_args") not in replaced - {name}
        }
        return self.of(**{**kept, **options})

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
        # Sections are added one by one: a rule finds no later one.
        resolved = object.__new__(type(self))
        for name, section in self.sections().items():
            draft = copy.copy(getattr(self, name))
            # Frozen is for readers; nobody else holds these copies.
            resolved.__dict__[name] = draft
            for key, option in section.options().items():
                if key not in draft.__dict__:
                    draft.__dict__[key] = option.derive(resolved)
            draft.check_together(resolved)
        resolved.__dict__["_is_resolved"] = True
        return resolved

    def __getattr__(self, name):
        if name in type(self).sections():
            raise UnresolvedError(
                f"The section `{name}` of {type(self).__name__} is resolved "
                "later than this one. A rule reads the sections above its own."
            )
        raise AttributeError(f"{type(self).__name__} has no section {name!r}.")

    def arguments(self) -> list[str]:
        """Returns the flags that set what was set, in order."""
        options = self.options()
        return [options[k].to_text(value) for k, value in self.given.items()]

    @property
    def is_plan(self) -> bool:
        """Whether costs are asked for, and not the job itself."""
        return self.given.get("plan", False)

    def resolved_sections(self) -> list:
        """The sections that are there: while it is resolved, not all are."""
        return [
            self.__dict__[name]
            for name in self.sections()
            if name in self.__dict__
        ]


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


def recorded(value):
    """What config.json holds of a value: of a plug-in, class and arguments."""
    if value is None or isinstance(value, str | bool | int | float | tuple):
        return value
    if isinstance(value, dict):
        return {key: recorded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [recorded(item) for item in value]
    kind = type(value)
    arguments = value.get_config() if hasattr(value, "get_config") else {}
    return {"class": f"{kind.__module__}.{kind.__name__}", "config": arguments}
