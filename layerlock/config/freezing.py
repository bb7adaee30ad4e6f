"""Options of when layers freeze."""

import itertools
import math

from layerlock import plugins
from layerlock.config import components, facts
from layerlock.config.option import OptionError, option
from layerlock.config.section import Section, section
from layerlock.config.training import multiple


def start_step(config):
    """60 % of steps; 10 % where the schedule decides by itself"""
    schedule, accepted, arguments = _schedule(config)
    if "start_step" not in set(accepted) - set(arguments):
        return None
    start = 0.1 if schedule.is_adaptive else config.freezing.start_share
    return multiple(start * config.training.steps, config.training.border)


def interval(config):
    """all freezes take 32 % of steps"""
    schedule, accepted, arguments = _schedule(config)
    is_open = "interval" in set(accepted) - set(arguments)
    if schedule.is_adaptive or not is_open:
        return None
    freezing = config.freezing
    layers = arguments.get("max_frozen_layers", freezing.max_frozen_layers)
    together = arguments.get("layers_per_event", freezing.layers_per_event)
    events = math.ceil((layers or 1) / (together or 1))
    each = freezing.span_share * config.training.steps / events
    return multiple(each, config.training.border)


def _layers_per_event(config):
    """1"""
    _, accepted, arguments = _schedule(config)
    if "layers_per_event" in set(accepted) - set(arguments):
        return 1
    return None


def _max_frozen_layers(config):
    """70 % of the layers that may freeze"""
    _, accepted, arguments = _schedule(config)
    if "max_frozen_layers" in set(accepted) - set(arguments):
        return max(1, round(0.7 * config.freezing.num_freezable(config)))
    return None


def _mini_warmup_steps(config):
    """a quarter of the shortest time between two freezes"""
    schedule, steps = config.freezing.build(config), config.training.steps
    if not schedule.max_layers():
        return 0
    events = [step for step, _ in schedule.events(steps)]
    gaps = [later - step for step, later in itertools.pairwise(events)]
    return min(gaps, default=steps // 20) // 4


def _schedule(config):
    """The class of the schedule, its arguments, and those that are set."""
    schedule = facts.plugin_class("schedule", config.freezing.schedule)
    if not isinstance(config.freezing.schedule, str):
        return schedule, (), {}
    arguments = components.own_arguments(config, "schedule")
    return schedule, plugins.argument_names(schedule), arguments


@section
class ScheduleConfig(Section):
    """The freeze schedule."""

    title = "Freezing"
    # Shares of a run: before the first freeze, and from it to the last.
    # Layers that freeze before they are worth keeping leave worse features
    # (docs/scenes.md, grids 4 and 7).
    start_share = 0.6
    span_share = 0.32

    schedule: str = option(
        "linear",
        "When layers freeze.",
        choices=facts.names("schedule"),
        plugin=True,
    )
    schedule_args: dict = option(
        "",
        "name=value,... for the constructor of the schedule, such as "
        "events=[(600,1),(700,3)] of piecewise.",
    )
    layers_per_event: int | None = option(
        rule=_layers_per_event,
        low=1,
        argument_of="schedule",
        help="Layers that freeze together.",
    )
    max_frozen_layers: int | None = option(
        rule=_max_frozen_layers,
        low=1,
        argument_of="schedule",
        help="Where freezing stops.",
    )
    start_step: int | None = option(
        rule=start_step,
        low=1,
        argument_of="schedule",
        help="Optimizer step of the first freeze.",
    )
    interval: int | None = option(
        rule=interval,
        low=1,
        argument_of="schedule",
        help="Optimizer steps between freezes.",
    )

    def num_freezable(self, config) -> int:
        """How many layers may freeze."""
        return facts.num_freezable(config)

    def build(self, config):
        """The schedule, if it does something in the run."""
        return components.build_schedule(
            config,
            self.num_freezable(config),
            f"layers of {config.encoder.name} may freeze: those that do not "
            "decode",
        )


@section
class FreezingConfig(ScheduleConfig):
    """The freeze schedule, and what follows a freeze."""

    head_reset: bool = option(
        False, "Re-initialise the target head whenever the target moves."
    )
    mini_warmup_steps: int = option(
        rule=_mini_warmup_steps,
        low=0,
        help="Steps over which the learning rate rises again after a freeze; "
        "0 turns it off.",
    )

    def check_together(self, config):
        if self.build(config).max_layers():
            return
        for name in ("mini_warmup_steps", "head_reset"):
            if getattr(self, name):
                raise OptionError(
                    f"`{name}` is about freezes, and with "
                    f"`schedule={self.schedule}` there are none. Leave it out."
                )
