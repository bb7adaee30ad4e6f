"""Plug-ins built from their options: a name, arguments, shared options."""

from layerlock import plugins
from layerlock.config import facts
from layerlock.config.option import OptionError


def build(config, kind: str, **more):
    """Returns the plug-in that a configuration names, or is given.

    Args:
        config: a configuration, resolved as far as the options are needed.
        kind: str, `"objective"`, `"mask"`, `"schedule"`, `"task"` or
            `"readout"`.
        **more: arguments that no option sets, left out where the plug-in does
            not take them.
    """
    plugin = _value(config, kind)
    plugin_class = facts.plugin_class(kind, plugin)
    arguments = arguments_of(config, kind)
    if not isinstance(plugin, str):
        return plugin
    accepted = plugins.argument_names(plugin_class)
    for name, value in more.items():
        if name in accepted:
            arguments.setdefault(name, value)
    return plugin_class(**arguments)


def arguments_of(config, kind: str) -> dict:
    """What shared options, and `KIND_args`, say about a plug-in.

    Raises:
        OptionError: if it does not take one of them, or has it twice.
    """
    plugin = _value(config, kind)
    plugin_class = facts.plugin_class(kind, plugin)
    arguments = own_arguments(config, kind)
    accepted = plugins.argument_names(plugin_class)
    for section in config.resolved_sections():
        for option in section.options().values():
            if option.argument_of != kind:
                continue
            value = getattr(section, option.name)
            is_given = option.name in section.given
            if value is None or (value == option.default and not is_given):
                continue
            name = option.name.removeprefix(f"{kind}_")
            if not isinstance(plugin, str):
                raise OptionError(
                    f"`{option.name}` is for a `{kind}` by name. "
                    f"Received: `{kind}` as an instance. Pass it to the "
                    "instance's constructor."
                )
            if name not in accepted:
                raise OptionError(
                    f"`{option.name}` is not an argument of "
                    f"`{kind}={plugin}`, which takes {accepted}. Leave it out."
                )
            if name in arguments:
                raise OptionError(
                    f"{name} is given twice: as `{option.name}` and in "
                    f"`{kind}_args`."
                )
            arguments[name] = value
    return arguments


def accepted(config, kind: str) -> list[str]:
    """The arguments of the plug-in's constructor; none for an instance."""
    plugin = _value(config, kind)
    if not isinstance(plugin, str):
        return []
    return plugins.argument_names(facts.plugin_class(kind, plugin))


def own_arguments(config, kind: str) -> dict:
    """The arguments in `KIND_args`, checked against the constructor."""
    plugin, arguments = _value(config, kind), _value(config, f"{kind}_args")
    plugin_class = facts.plugin_class(kind, plugin)
    if arguments and not isinstance(plugin, str):
        raise OptionError(
            f"`{kind}_args` are for a `{kind}` by name. Received: `{kind}` as "
            "an instance. Pass them to the instance's constructor."
        )
    if isinstance(arguments, dict):
        return plugins.check_arguments(arguments, plugin_class)
    return plugins.parse_arguments(arguments, plugin_class)


def build_schedule(config, limit: int, layers: str):
    """The freeze schedule, if it does something in the run.

    Args:
        config: a configuration with the sections `training` and `freezing`.
        limit: int, how many layers may freeze.
        layers: those layers, in words.
    """
    schedule = build(config, "schedule")
    steps = config.training.steps
    first, most = schedule.next_event(0), schedule.max_layers()
    if first is None and schedule.is_adaptive:
        first = getattr(schedule, "start_step", None)  # at the earliest
    if most > limit:
        raise OptionError(
            f"At most {limit} {layers}. Received: a schedule that freezes "
            f"{most}. Lower `max_frozen_layers`."
        )
    if first is not None and first >= steps:
        earlier = (
            "Pass `schedule_args=events=[(step,layers),...]`"
            if config.freezing.schedule == "piecewise"
            else "Lower `start_step`"
        )
        raise OptionError(
            f"Nothing would freeze: the first freeze is at step {first} and "
            f"the run ends at step {steps}. {earlier}, raise `steps`, or pass "
            "`schedule=never`."
        )
    return schedule


def _value(config, name):
    for section in config.resolved_sections():
        if name in section.options():
            return getattr(section, name)
    raise AttributeError(f"{type(config).__name__} has no option {name!r}.")
