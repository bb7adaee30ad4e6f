"""Objective, mask, schedule and learning rate of a run."""

import dataclasses

import keras

from layerlock import backends, plugins
from layerlock.config import OptionError, PretrainConfig, components, facts
from layerlock.core.freezing import learning_rate, schedules
from layerlock.core.pretraining import masks, objectives, targets
from layerlock.core.pretraining.fixed_teacher import check_target_layers
from layerlock.models.patches import patch_grid
from layerlock.runs import wording


@dataclasses.dataclass(frozen=True)
class Method:
    """What a run learns from, and when its layers freeze.

    Args:
        objective: an `Objective`.
        mask: a `Mask`.
        schedule: a `FreezeSchedule`.
        learning_rate: a Keras schedule, over the optimizer's iterations.
    """

    objective: objectives.Objective
    mask: masks.Mask
    schedule: schedules.FreezeSchedule
    learning_rate: keras.optimizers.schedules.LearningRateSchedule


def build(config: PretrainConfig) -> Method:
    """Builds objective, mask and schedules; no network is needed for it.

    Args:
        config: resolved.

    Raises:
        ValueError: if they do not fit each other, the clips, the encoder or
            the backend.
    """
    _check_backend(config)
    schedule = config.freezing.build(config)
    arguments = facts.encoder_arguments(config)
    grid = patch_grid(arguments["clip_shape"], arguments["patch_size"])
    mask = components.build(config, "mask")
    objective = _objective(config, never_freezes=not schedule.max_layers())
    targets.check_mask(objective, mask, grid)
    masks_per_clip = config.method.masks_per_clip
    targets.check_views(objective, mask, grid, masks_per_clip)
    if config.method.target_fraction != 1:
        _check_fraction(objective)
    deepest = facts.num_freezable(config)
    targets.check_chosen_layers(objective, deepest)
    if not config.method.allow_moving_target:
        for frozen_layers in range(min(schedule.max_layers(), deepest) + 1):
            targets.check_targets(objective, frozen_layers, deepest)
    if config.method.target_context != "clip":
        _check_context(objective, schedule, deepest)
    rate = _learning_rate(config, schedule)
    return Method(objective, mask, schedule, rate)


def _objective(config, never_freezes):
    """The objective; without a freeze it predicts its last layer."""
    plugin = config.method.objective
    arguments = components.arguments_of(config, "objective")
    if not isinstance(plugin, str):
        return plugin
    objective_class = facts.plugin_class("objective", plugin)
    if isinstance(arguments.get("momentum"), tuple):
        if arguments.get("teacher", "ema") != "ema":
            raise OptionError(
                "`momentum` is that of a moving average, and with "
                f"`teacher={arguments['teacher']}` there is none. Leave it "
                "out."
            )
        is_pair = len(arguments["momentum"]) > 1
        is_given = "momentum" in config.training.given
        if is_given and is_pair and "final_momentum" in arguments:
            raise OptionError(
                "The last momentum is given twice, by `momentum` and by "
                "`objective_args=final_momentum`. Leave one of them out."
            )
        first, *_, last = map(float, 2 * arguments["momentum"])
        arguments["momentum"] = first
        arguments.setdefault("final_momentum", last)
    teacher = facts.teacher_sizes(config)
    if teacher is not None:
        arguments["teacher"] = "fixed"
    accepted = plugins.argument_names(objective_class)
    if "steps" in accepted:
        arguments.setdefault("steps", config.training.steps)
    objective = objective_class(**arguments)
    unfrozen = objective.unfrozen_target_layers()
    if never_freezes and unfrozen != objective.target_layers(0):
        [arguments["target_layer"]] = unfrozen
        objective = objective_class(**arguments)
    if objective.teacher == "fixed":
        _check_teacher(objective, teacher)
    return objective


def _check_teacher(objective, teacher):
    """Raises unless there is a fixed teacher with the target's block."""
    if teacher is None:
        raise OptionError(
            "`teacher` is the run or the exported encoder that teaches. "
            "Received: teacher='fixed', which names none."
        )
    check_target_layers(objective.target_layers(0), teacher["num_layers"])


def _learning_rate(config, schedule):
    """Warm-up, cosine, and a mini warm-up after every freeze."""
    training = config.training
    rate = learning_rate.WarmupCosine(
        training.learning_rate, training.steps, training.warmup_steps
    )
    rate = learning_rate.MiniWarmup(
        rate, schedule, config.freezing.mini_warmup_steps
    )
    if training.accumulation > 1:
        rate = learning_rate.PerUpdate(rate, training.accumulation)
    return rate


def _check_context(objective, schedule, deepest):
    """Pixels are the same whatever else of the clip is seen."""
    most = schedule.max_layers()
    stages = range(most + 1) if most else (None,)
    predicted = [
        targets.target_layers(objective, stage, deepest) for stage in stages
    ]
    if not any(map(any, predicted)):
        raise OptionError(
            "`target_context` is about targets that layers compute, and this "
            f"run predicts {wording.target(predicted[0])} alone. Leave it out."
        )


def _check_fraction(objective):
    """Nothing hidden is scored if visible patches are compared."""
    if not objective.target_layers(0):
        raise OptionError(
            "`target_fraction` is the share of the hidden patches that is "
            f"scored, and {type(objective).__name__} compares visible ones. "
            "Leave it out."
        )


def _check_backend(config):
    reason = backends.unsupported(
        dtype_policy=config.encoder.dtype,
        float8=config.encoder.mixed_precision == "float8",
        distribution=config.devices.distribution,
        mesh=config.devices.mesh,
        batch_size=config.training.batch_size,
        num_devices=config.devices.devices,
    )
    if reason:
        backend = keras.backend.backend()
        raise OptionError(f"With KERAS_BACKEND={backend}: {reason}")
