"""Turns flags into settings: derived defaults, and everything checked."""

import itertools
import math

from common import components, methods, network, options, pretraining_options

from absl import flags

from layerlock import data, plugins
from layerlock.core.freezing import schedules
from layerlock.core.pretraining import masks
from layerlock.models import exported
from layerlock.runs import trackers

SMALL_WIDTH = 384  # narrower encoders get small clips
FEW_PATCHES = 1000  # clips of fewer hide less of them
# Shares of a run: before the first freeze, and from it to the last. Layers that
# freeze before they are worth keeping leave worse features, under V-JEPA too
# (docs/results.md, grids 4 and 7).
PACE = (0.6, 0.32)
GRADIENT_CLIPS = {"patchwise": 1.0, "transformer": 10.0}


def read(arguments) -> tuple[dict, methods.Method]:
    """Returns the settings and the method of a command line.

    Args:
        arguments: list of str, flags of `pretrain.py`.
    """
    values = flags.FlagValues()
    pretraining_options.define(values)
    values(["pretrain", *arguments])
    settings = resolve(values)
    return settings, methods.build(settings)


def resolve(values) -> dict:
    """Returns every flag's value, with defaults that depend on others.

    Args:
        values: the recipe's `absl.flags.FlagValues`, parsed.

    Raises:
        options.UsageError: if a flag would be ignored or contradicts another.
        ImportError: if the library of a tracker is not installed.
    """
    settings = options.finite(values)
    default(settings, "track", trackers.default_names())
    trackers.check(settings["track"])
    if not 0 < settings["target_fraction"] <= 1:
        raise options.UsageError(
            "--target_fraction is the share of hidden patches that is "
            "scored, above 0 and at most 1. Received: "
            f"{settings['target_fraction']}."
        )
    if settings["init_from"]:
        given = ("preset", "patch_size", "positions")
        given = [name for name in given if values[name].present]
        if given:
            raise options.UsageError(
                f"--{given[0]} contradicts --init_from, which brings an "
                "encoder of its own size. Leave one of them out."
            )
        settings["preset"] = None
    _derive_network(settings)
    _derive_data(settings)
    derive_schedule(
        settings,
        network.num_freezable(settings),
        PACE,
    )
    _derive_teacher(settings)
    _derive_training(settings)
    return settings


def default(settings, name, value):
    """Fills in a flag that was not given."""
    if settings[name] is None:
        settings[name] = value


def _derive_data(settings):
    source = data.source_class(settings["data"])
    small = network.encoder_arguments(settings)["hidden_dim"] < SMALL_WIDTH
    if settings["init_from"]:
        clip_shape = exported.read_config(network.encoder_folder(settings))[
            "clip_shape"
        ]
        default(settings, "frames", clip_shape[0])
        default(settings, "size", clip_shape[1])
    default(settings, "frames", source.default_frames)
    default(settings, "size", source.default_size or (64 if small else 224))
    default(settings, "workers", source.default_workers)
    default(settings, "mask", components.objective_class(settings).default_mask)
    mask = plugins.find(masks.__name__, settings["mask"], masks.Mask)
    takes_ratio = "ratio" in plugins.argument_names(mask)
    if takes_ratio and "ratio" not in settings["mask_args"]:
        encoder = network.encoder_arguments(settings)
        pixels, patch = encoder["clip_shape"], encoder["patch_size"]
        if math.prod(pixels) < FEW_PATCHES * math.prod(patch):
            # 5 % of them are too few to learn from.
            default(settings, "mask_ratio", 0.75)
    has_time = "fps" in plugins.argument_names(source)
    if settings["fps"] and not has_time and not settings["validation"]:
        raise options.UsageError(
            f"--fps is for videos; --data={settings['data']} has no time."
        )
    if settings["workers"] < 0:
        raise options.UsageError(
            f"--workers must be at least 0. Received: {settings['workers']}."
        )


def _derive_network(settings):
    if settings["patch_size"] is not None:
        given = settings["patch_size"]
        try:
            settings["patch_size"] = [int(x) for x in settings["patch_size"]]
        except ValueError:
            settings["patch_size"] = ()
        if len(settings["patch_size"]) != 3:
            raise options.UsageError(
                "--patch_size is frames,rows,columns, such as 2,16,16. "
                f"Received: {','.join(map(str, given))}."
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
    schedule = plugins.find(
        schedules.__name__, settings["schedule"], schedules.FreezeSchedule
    )
    accepted = plugins.argument_names(schedule)
    given = plugins.parse_arguments(settings["schedule_args"], schedule)

    def derive(name, value):
        if name in accepted and name not in given:
            default(settings, name, value)

    most = max(1, round(0.7 * num_layers))
    derive("max_frozen_layers", most)
    derive("layers_per_event", 1)
    for name in ("layers_per_event", "max_frozen_layers"):
        if settings[name] is not None and settings[name] < 1:
            raise options.UsageError(
                f"--{name} must be at least 1. Received: {settings[name]}. "
                "To freeze nothing, pass --schedule=never."
            )
    if not schedule.is_adaptive:
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
    objective = components.objective_class(settings)
    given = plugins.parse_arguments(settings["objective_args"], objective)
    teacher = given.get("teacher", settings["teacher"]) or objective().teacher
    if teacher == "ema" and not {"momentum", "final_momentum"} & set(given):
        first = min(0.998, max(0.5, 1 - 20 / settings["steps"]))
        default(settings, "momentum", [f"{first:.4g}", "1"])


def _derive_training(settings):
    steps = settings["steps"]
    batch = settings["batch_size"] * settings["accumulation"]
    width = network.encoder_arguments(settings)["hidden_dim"]
    derive_learning_rate(settings, 4 / width**1.5, batch)
    clip = GRADIENT_CLIPS[components.objective_class(settings).predictor]
    default(settings, "gradient_clip", clip)
    default(settings, "warmup_steps", min(steps // 20, steps - 1))
    _derive_mini_warmup(settings)
    default(settings, "log_every", max(1, min(50, steps // 100)))
    default(settings, "monitor_every", max(1, min(1000, steps // 20)))
    every = max(1, min(1000, steps // 5))
    # Held-out losses are logged at checkpoints.
    every = math.ceil(every / settings["log_every"]) * settings["log_every"]
    default(settings, "checkpoint_every", every)
    if settings["checkpoint_every"] % settings["log_every"]:
        raise options.UsageError(
            "--checkpoint_every must be a multiple of --log_every. Received: "
            f"{settings['checkpoint_every']} and {settings['log_every']}."
        )
    _check_probe(settings)


def derive_learning_rate(settings, rate: float, batch: int):
    """Fills in the learning rate, and refuses one that is not positive.

    Args:
        settings: dict of the flags.
        rate: float, the learning rate of a batch of 32 clips.
        batch: int, clips per optimizer step.
    """
    rate *= math.sqrt(batch / 32)
    default(settings, "learning_rate", float(f"{rate:.3g}"))
    if settings["learning_rate"] <= 0:
        raise options.UsageError(
            "--learning_rate must be positive. Received: "
            f"{settings['learning_rate']}."
        )


def _derive_mini_warmup(settings):
    """A quarter of the shortest time between two freezes."""
    steps, schedule = settings["steps"], methods.schedule(settings)
    if not schedule.max_layers():
        for name in ("mini_warmup_steps", "head_reset"):
            if settings[name]:
                raise options.UsageError(
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
        raise options.UsageError(
            "--probe_data is for --probe_every. Pass both."
        )
    if every is not None and every % settings["log_every"]:
        raise options.UsageError(
            "--probe_every must be a multiple of --log_every. Received: "
            f"{every} and {settings['log_every']}."
        )
