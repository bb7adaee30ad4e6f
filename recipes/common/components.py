"""Objective, mask and schedule: plug-ins that flags name and fill in."""

from common import options

from layerlock import plugins
from layerlock.core.freezing import schedules
from layerlock.core.pretraining import objectives

# Flags that are arguments of some plug-ins, with their unset values.
_FLAGS = {
    "objective": {
        "target": "latents",
        "target_lag": 0,
        "teacher": None,
        "momentum": None,
        "target_gradient": False,
    },
    "mask": {"mask_ratio": None},
    "schedule": dict.fromkeys(
        ("start_step", "interval", "layers_per_event", "max_frozen_layers")
    ),
}


def objective_class(settings) -> type[objectives.Objective]:
    """The class of the objective that the flags name."""
    return plugins.find(
        objectives.__name__, settings["objective"], objectives.Objective
    )


def build(settings, kind, package, base):
    """Builds a plug-in from its shared flags and its own `--KIND_args`."""
    plugin = plugins.find(package, settings[kind], base)
    return plugin(**arguments_of(settings, kind, plugin))


def build_schedule(settings, limit: int, what: str):
    """The schedule that the flags ask for, if it does something in the run.

    Args:
        settings: dict of the flags.
        limit: int, how many layers may freeze.
        what: those layers, in words.
    """
    schedule = build(
        settings, "schedule", schedules.__name__, schedules.FreezeSchedule
    )
    first, most = schedule.next_event(0), schedule.max_layers()
    if most > limit:
        raise options.UsageError(
            f"At most {limit} {what}. Received: a schedule that freezes "
            f"{most}. Lower --max_frozen_layers."
        )
    if first is not None and first >= settings["steps"]:
        earlier = (
            "Pass --schedule_args='events=[(step,layers),...]'"
            if settings["schedule"] == "piecewise"
            else "Lower --start_step"
        )
        raise options.UsageError(
            f"Nothing would freeze: the first freeze is at step {first} and "
            f"the run ends at step {settings['steps']}. {earlier}, raise "
            "--steps, or pass --schedule=never."
        )
    return schedule


def arguments_of(settings, kind, plugin) -> dict:
    """What a plug-in's shared flags and `--KIND_args` say.

    Raises:
        options.UsageError: if it does not take one of them, or has it twice.
    """
    arguments = plugins.parse_arguments(settings[f"{kind}_args"], plugin)
    accepted = plugins.argument_names(plugin)
    for flag, unset in _FLAGS[kind].items():
        name = flag.removeprefix("mask_")
        if settings[flag] == unset:
            continue
        if name not in accepted:
            raise options.UsageError(
                f"--{flag} is not an argument of --{kind}={settings[kind]}, "
                f"which takes {accepted}. Leave it out."
            )
        if name in arguments:
            raise options.UsageError(
                f"{name} is given twice: as --{flag} and in --{kind}_args."
            )
        arguments[name] = settings[flag]
    if isinstance(arguments.get("momentum"), list):
        if arguments.get("teacher", "ema") != "ema":
            raise options.UsageError(
                "--momentum is that of a moving average, and with "
                f"--teacher={arguments['teacher']} there is none. Leave it "
                "out."
            )
        first, last = _momentum(settings["momentum"])
        arguments["momentum"] = first
        arguments.setdefault("final_momentum", last)
    if kind == "objective" and "steps" in accepted:
        arguments.setdefault("steps", settings["steps"])
    return arguments


def _momentum(texts) -> tuple[float, float]:
    try:
        numbers = [float(text) for text in texts]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 2):
        raise options.UsageError(
            "--momentum is one number between 0 and 1, or the first and the "
            f"last of the run, such as 0.998,1. Received: {','.join(texts)}."
        )
    return numbers[0], numbers[-1]
