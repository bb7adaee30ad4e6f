"""What recipes do with flags, and the flags of more than one kind of recipe."""

import math
import sys
from functools import partial

from absl import flags

from layerlock import plugins
from layerlock.core.freezing import schedules


class UsageError(ValueError):
    """A flag, or a combination of flags, that makes no sense."""


class Definer:
    """absl's DEFINE functions, for one recipe's own flags."""

    def __init__(self, values: flags.FlagValues):
        for kind in ("bool", "enum", "float", "integer", "list", "string"):
            function = getattr(flags, f"DEFINE_{kind}")
            setattr(self, kind, partial(function, flag_values=values))


def define_arguments(values, kind: str, classes: dict, example: str = ""):
    """Defines `--KIND_args`: what a plug-in that another flag names is given.

    Args:
        values: the recipe's flags.
        kind: str, the other flag.
        classes: dict, the classes it may name, by name.
        example: str, of the flag's value. Defaults to none.
    """
    known = "; ".join(
        f"{name}: {plugins.describe_arguments(plugin)}"
        for name, plugin in classes.items()
    )
    example = f", such as {example}" * bool(example)
    Definer(values).string(
        f"{kind}_args",
        "",
        f"name=value,... for the {kind}{example}. Arguments of {known}.",
    )


def define_schedule(values, default, names, start, span):
    """Defines when layers freeze.

    Args:
        values: the recipe's flags.
        default: str, name of a schedule.
        names: list of the names of all.
        start: str, what `--start_step` is by default.
        span: str, how long all freezes take by default.
    """
    define = Definer(values)
    define.enum("schedule", default, names, "When layers freeze.")
    define.integer(
        "start_step",
        None,
        f"Optimizer step of the first freeze. Default: {start}.",
    )
    define.integer(
        "interval",
        None,
        f"Optimizer steps between freezes. Default: all freezes take {span}.",
    )
    define.integer(
        "layers_per_event",
        None,
        "Layers that freeze together. Default: 1.",
    )
    define.integer(
        "max_frozen_layers",
        None,
        "Where freezing stops. Default: 70 % of the layers that may freeze.",
    )
    known = plugins.find_all(schedules.__name__, schedules.FreezeSchedule)
    define_arguments(
        values,
        "schedule",
        {name: known[name] for name in names},
        "--schedule=piecewise --schedule_args='events=[(600,1),(700,3)]'",
    )


def define_steps(values):
    """Defines how long is trained, and on how much at a time."""
    define = Definer(values)
    define.integer("steps", 1000, "Optimizer steps.", lower_bound=1)
    define.integer("batch_size", 32, "Clips in a batch.", lower_bound=1)
    define.float("weight_decay", 0.05, "Of AdamW.", lower_bound=0.0)
    define.integer(
        "warmup_steps",
        None,
        "Default: 5 % of --steps.",
        lower_bound=0,
    )


def parse(values: flags.FlagValues, argv: list[str], usage: str):
    """Parses the command line into a recipe's own flags; leaves on mistakes.

    Args:
        values: the recipe's flags.
        argv: the command line, program name first.
        usage: the recipe's docstring, for `--help`.
    """
    if {"--help", "-h", "-help"} & set(argv[1:]):
        print(f"{usage}\nFlags:\n{values.get_help()}")
        sys.exit(0)
    try:
        _, *stray = values(argv)
    except flags.Error as error:
        sys.exit(f"{error}\nSee --help.")
    if stray:
        sys.exit(f"Unexpected arguments: {stray}. Flags start with --.")
    flags.FLAGS(argv[:1])  # Grain's workers ask for absl's global flags


def finite(values) -> dict:
    """Returns every flag's value, and refuses numbers that are none."""
    settings = values.flag_values_dict()
    for name, value in settings.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise UsageError(f"--{name} must be finite. Received: {value}.")
    return settings
