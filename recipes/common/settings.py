"""Turns flags into settings: derived defaults, and everything checked."""

import dataclasses
import itertools
import math
import pathlib

import keras

from layerlock import backends, data
from layerlock.core import (
    learning_rate,
    lookup,
    masks,
    objectives,
    schedules,
    targets,
)
from layerlock.models import exported, presets
from layerlock.models.patches import patch_grid

SMALL_WIDTH = 384  # narrower encoders get small clips and hide less of them
# Shares of a run: before the first freeze, and from it to the last. Where the
# target starts at layer 1 it must begin to move early.
PACES = {"patchwise": (0.6, 0.32), "transformer": (0.1, 0.8)}
GRADIENT_CLIPS = {"patchwise": 1.0, "transformer": 10.0}


class UsageError(ValueError):
    """A flag, or a combination of flags, that makes no sense."""


def resolve(values) -> dict:
    """Returns every flag's value, with defaults that depend on others.

    Args:
        values: the recipe's `absl.flags.FlagValues`, parsed.

    Raises:
        UsageError: if a flag would be ignored or contradicts another.
    """
    settings = finite(values)
    if not 0 < settings["target_fraction"] <= 1:
        raise UsageError(
            "--target_fraction is the share of hidden patches that is "
            "scored, above 0 and at most 1. Received: "
            f"{settings['target_fraction']}."
        )
    if settings["init_from"]:
        given = ("preset", "patch_size", "positions")
        given = [name for name in given if values[name].present]
        if given:
            raise UsageError(
                f"--{given[0]} contradicts --init_from, which brings an "
                "encoder of its own size. Leave one of them out."
            )
        settings["preset"] = None
    _derive_data(settings)
    _derive_network(settings)
    derive_schedule(
        settings,
        num_freezable(settings),
        PACES[_objective_class(settings).predictor],
    )
    _derive_teacher(settings)
    _derive_training(settings)
    return settings


def finite(values) -> dict:
    """Returns every flag's value, and refuses numbers that are none."""
    settings = values.flag_values_dict()
    for name, value in settings.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise UsageError(f"--{name} must be finite. Received: {value}.")
    return settings


def default(settings, name, value):
    """Fills in a flag that was not given."""
    if settings[name] is None:
        settings[name] = value


def _derive_data(settings):
    source = data.source_class(settings["data"])
    small = encoder_arguments(settings)["hidden_dim"] < SMALL_WIDTH
    if settings["init_from"]:
        clip_shape = exported.read_config(encoder_folder(settings))[
            "clip_shape"
        ]
        default(settings, "frames", clip_shape[0])
        default(settings, "size", clip_shape[1])
    default(settings, "frames", source.default_frames)
    default(settings, "size", source.default_size or (64 if small else 224))
    default(settings, "workers", source.default_workers)
    default(settings, "mask", _objective_class(settings).default_mask)
    mask = lookup.find(masks.__name__, settings["mask"], masks.Mask)
    takes_ratio = "ratio" in lookup.argument_names(mask)
    if small and takes_ratio and "ratio" not in settings["mask_args"]:
        # 5 % of a small clip's patches are too few to learn from.
        default(settings, "mask_ratio", 0.75)
    has_time = "fps" in lookup.argument_names(source)
    if settings["fps"] and not has_time and not settings["validation"]:
        raise UsageError(
            f"--fps is for videos; --data={settings['data']} has no time."
        )
    if settings["workers"] < 0:
        raise UsageError(
            f"--workers must be at least 0. Received: {settings['workers']}."
        )


def _derive_network(settings):
    if settings["patch_size"] is not None:
        try:
            settings["patch_size"] = [int(x) for x in settings["patch_size"]]
        except ValueError:
            settings["patch_size"] = ()
        if len(settings["patch_size"]) != 3:
            raise UsageError(
                "--patch_size is frames,rows,columns, such as 2,16,16."
            )


def derive_schedule(settings, num_layers: int, pace: tuple):
    """Fills in when layers freeze, where the flags do not say.

    Args:
        settings: dict of the flags.
        num_layers: int, how many layers may freeze.
        pace: shares of the run before the first freeze, and from it to the
            last.
    """
    steps = settings["steps"]
    schedule = lookup.find(
        schedules.__name__, settings["schedule"], schedules.FreezeSchedule
    )
    accepted = lookup.argument_names(schedule)
    given = lookup.parse_arguments(settings["schedule_args"], schedule)

    def derive(name, value):
        if name in accepted and name not in given:
            default(settings, name, value)

    most = max(1, round(0.7 * num_layers))
    derive("max_frozen_layers", most)
    derive("layers_per_event", 1)
    for name in ("layers_per_event", "max_frozen_layers"):
        if settings[name] is not None and settings[name] < 1:
            raise UsageError(
                f"--{name} must be at least 1. Received: {settings[name]}. "
                "To freeze nothing, pass --schedule=never."
            )
    if not schedule.grows:
        start, span = pace
        layers = given.get("max_frozen_layers", settings["max_frozen_layers"])
        together = given.get("layers_per_event", settings["layers_per_event"])
        events = math.ceil((layers or 1) / (together or 1))
        derive("start_step", max(1, round(start * steps)))
        derive("interval", max(1, round(span * steps / events)))
    else:
        derive("start_step", max(1, round(0.1 * steps)))


def _derive_teacher(settings):
    """V-JEPA's first momentum, or one that a short run can follow."""
    objective = _objective_class(settings)
    given = lookup.parse_arguments(settings["objective_args"], objective)
    teacher = given.get("teacher", settings["teacher"]) or objective().teacher
    if teacher == "ema" and not {"momentum", "final_momentum"} & set(given):
        first = min(0.998, max(0.5, 1 - 20 / settings["steps"]))
        default(settings, "momentum", [f"{first:.4g}", "1"])


def _derive_training(settings):
    steps = settings["steps"]
    batch = settings["batch_size"] * settings["accumulation"]
    width = encoder_arguments(settings)["hidden_dim"]
    derive_learning_rate(settings, width, batch)
    clip = GRADIENT_CLIPS[_objective_class(settings).predictor]
    default(settings, "gradient_clip", clip)
    default(settings, "warmup_steps", min(steps // 20, steps - 1))
    _derive_mini_warmup(settings)
    default(settings, "log_every", max(1, min(50, steps // 100)))
    default(settings, "monitor_every", max(1, min(1000, steps // 20)))
    every = max(1, min(1000, steps // 10))
    # Held-out losses are logged at checkpoints.
    every = math.ceil(every / settings["log_every"]) * settings["log_every"]
    default(settings, "checkpoint_every", every)
    if settings["checkpoint_every"] % settings["log_every"]:
        raise UsageError(
            "--checkpoint_every must be a multiple of --log_every. Received: "
            f"{settings['checkpoint_every']} and {settings['log_every']}."
        )
    _check_probe(settings)


def derive_learning_rate(settings, width: int, batch: int):
    """Fills in the learning rate, and refuses one that is not positive.

    Args:
        settings: dict of the flags.
        width: int, features of a token.
        batch: int, clips per optimizer step.
    """
    rate = 0.2 / width * math.sqrt(batch / 32)
    default(settings, "learning_rate", float(f"{rate:.3g}"))
    if settings["learning_rate"] <= 0:
        raise UsageError(
            "--learning_rate must be positive. Received: "
            f"{settings['learning_rate']}."
        )


def _derive_mini_warmup(settings):
    """A quarter of the shortest time between two freezes."""
    steps, schedule = settings["steps"], _schedule(settings)
    if not schedule.max_layers():
        for name in ("mini_warmup_steps", "head_reset"):
            if settings[name]:
                raise UsageError(
                    f"--{name} is about freezes, and with "
                    f"--schedule={settings['schedule']} there are none. "
                    "Leave it out."
                )
        settings["mini_warmup_steps"] = 0
    events = [step for step, _ in schedule.events(steps)]
    gaps = [later - step for step, later in itertools.pairwise(events)]
    shortest = min(gaps, default=steps // 20)
    default(settings, "mini_warmup_steps", shortest // 4)


def _check_probe(settings):
    every, data_ = settings["probe_every"], settings["probe_data"]
    if data_ is not None and every is None:
        raise UsageError("--probe_data is for --probe_every. Pass both.")
    if every is not None and every % settings["log_every"]:
        raise UsageError(
            "--probe_every must be a multiple of --log_every. Received: "
            f"{every} and {settings['log_every']}."
        )


def encoder_arguments(settings) -> dict:
    """Arguments of the encoder that the flags ask for."""
    if settings["init_from"]:
        arguments = exported.read_config(encoder_folder(settings))
    else:
        arguments = dict(presets.PRESETS[settings["preset"]])
    if settings["patch_size"]:
        arguments["patch_size"] = tuple(settings["patch_size"])
    if settings["positions"]:
        arguments["positions"] = settings["positions"]
    size = settings["size"]
    arguments["clip_shape"] = (settings["frames"], size, size)
    arguments["remat"] = settings["remat"]
    return arguments


def num_freezable(settings) -> int:
    """How many blocks may freeze: those that do not decode."""
    arguments = encoder_arguments(settings)
    if _objective_class(settings).predictor == "transformer":
        return arguments["num_layers"]
    return arguments["num_layers"] - arguments["num_decoder_layers"]


def encoder_folder(settings) -> pathlib.Path:
    """The exported encoder to start from; a run directory holds one."""
    path = pathlib.Path(settings["init_from"])
    return path / "encoder" if (path / "encoder").is_dir() else path


def encoder_name(settings) -> str:
    """What a person calls the encoder that the flags ask for."""
    return settings["preset"] or str(settings["init_from"])


def dtype(settings) -> str:
    """Name of the precision policy."""
    precision = settings["mixed_precision"]
    return "float32" if precision == "none" else f"mixed_{precision}"


@dataclasses.dataclass(frozen=True)
class Method:
    """What the flags say about the method, built and checked."""

    objective: objectives.Objective
    mask: masks.Mask
    schedule: schedules.FreezeSchedule
    learning_rate: keras.optimizers.schedules.LearningRateSchedule


def method(settings) -> Method:
    """Builds objective, mask and schedules; no network is needed for it.

    Raises:
        ValueError: if they do not fit each other, the clips, the encoder or
            the backend.
    """
    _check_backend(settings)
    arguments = encoder_arguments(settings)
    grid = patch_grid(arguments["clip_shape"], arguments["patch_size"])
    mask = _mask(settings)
    schedule = _schedule(settings)
    objective = _objective(settings, never_freezes=not schedule.max_layers())
    targets.check_mask(objective, mask, grid)
    if not settings["allow_moving_target"]:
        deepest = num_freezable(settings)
        for frozen_layers in range(min(schedule.max_layers(), deepest) + 1):
            targets.check_targets(objective, frozen_layers, deepest)
    rate = _learning_rate(settings, schedule)
    return Method(objective, mask, schedule, rate)


def _check_backend(settings):
    reason = backends.unsupported(
        dtype_policy=dtype(settings),
        remat=settings["remat"],
        distribution=settings["distribution"],
    )
    if reason:
        backend = keras.backend.backend()
        raise UsageError(f"Not with KERAS_BACKEND={backend}: {reason}")
    devices = len(backends.devices())
    if settings["distribution"] == "data" and settings["batch_size"] % devices:
        raise UsageError(
            f"--batch_size={settings['batch_size']} cannot be split over "
            f"{devices} devices. Make it a multiple."
        )


def _objective_class(settings):
    return lookup.find(
        objectives.__name__, settings["objective"], objectives.Objective
    )


def _objective(settings, never_freezes):
    arguments = _plugin_arguments(
        settings, "objective", _objective_class(settings)
    )
    objective = _objective_class(settings)(**arguments)
    unfrozen = objective.unfrozen_target_layers()
    if never_freezes and unfrozen != objective.target_layers(0):
        [arguments["target_layer"]] = unfrozen
        objective = _objective_class(settings)(**arguments)
    return objective


def _mask(settings):
    return _plugin(settings, "mask", masks.__name__, masks.Mask)


def _schedule(settings):
    return build_schedule(
        settings,
        num_freezable(settings),
        f"layers of {encoder_name(settings)} may freeze: those that do not "
        "decode",
    )


def build_schedule(settings, limit: int, what: str):
    """The schedule that the flags ask for, if it does something in the run.

    Args:
        settings: dict of the flags.
        limit: int, how many layers may freeze.
        what: those layers, in words.
    """
    schedule = _plugin(
        settings, "schedule", schedules.__name__, schedules.FreezeSchedule
    )
    first, most = schedule.next_event(0), schedule.max_layers()
    if most > limit:
        raise UsageError(
            f"At most {limit} {what}. Received: a schedule that freezes "
            f"{most}. Lower --max_frozen_layers."
        )
    if first is not None and first >= settings["steps"]:
        raise UsageError(
            f"Nothing would freeze: the first freeze is at step {first} and "
            f"the run ends at step {settings['steps']}. Lower --start_step, "
            "raise --steps, or pass --schedule=never."
        )
    return schedule


def _learning_rate(settings, schedule):
    """Warm-up, cosine, and a mini warm-up after every freeze."""
    steps = settings["steps"]
    rate = learning_rate.WarmupCosine(
        settings["learning_rate"], steps, settings["warmup_steps"]
    )
    rate = learning_rate.MiniWarmup(
        rate,
        schedule,
        settings["mini_warmup_steps"],
    )
    if settings["accumulation"] > 1:
        rate = learning_rate.PerUpdate(rate, settings["accumulation"])
    return rate


# Flags that are arguments of some plug-ins, with their unset values.
_PLUGIN_FLAGS = {
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


def _plugin(settings, kind, package, base):
    """Builds a plug-in from its shared flags and its own `--KIND_args`."""
    plugin = lookup.find(package, settings[kind], base)
    return plugin(**_plugin_arguments(settings, kind, plugin))


def _plugin_arguments(settings, kind, plugin) -> dict:
    arguments = lookup.parse_arguments(settings[f"{kind}_args"], plugin)
    accepted = lookup.argument_names(plugin)
    for flag, unset in _PLUGIN_FLAGS[kind].items():
        name = flag.removeprefix("mask_")
        if settings[flag] == unset:
            continue
        if name not in accepted:
            raise UsageError(
                f"--{flag} is not an argument of --{kind}={settings[kind]}, "
                f"which takes {accepted}. Leave it out."
            )
        if name in arguments:
            raise UsageError(
                f"{name} is given twice: as --{flag} and in --{kind}_args."
            )
        arguments[name] = settings[flag]
    if isinstance(arguments.get("momentum"), list):
        if arguments.get("teacher", "ema") != "ema":
            raise UsageError(
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
        raise UsageError(
            "--momentum is one number between 0 and 1, or the first and the "
            f"last of the run, such as 0.998,1. Received: {','.join(texts)}."
        )
    return numbers[0], numbers[-1]
