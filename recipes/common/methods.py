"""Objective, mask, schedule and learning rate, from settings."""

import dataclasses

from common import components, network, options

import keras

from layerlock import backends
from layerlock.core.freezing import learning_rate, schedules
from layerlock.core.pretraining import masks, objectives, targets
from layerlock.models.patches import patch_grid


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


def build(settings) -> Method:
    """Builds objective, mask and schedules; no network is needed for it.

    Raises:
        ValueError: if they do not fit each other, the clips, the encoder or
            the backend.
    """
    _check_backend(settings)
    when = schedule(settings)
    arguments = network.encoder_arguments(settings)
    grid = patch_grid(arguments["clip_shape"], arguments["patch_size"])
    mask = components.build(settings, "mask", masks.__name__, masks.Mask)
    objective = _objective(settings, never_freezes=not when.max_layers())
    targets.check_mask(objective, mask, grid)
    if not settings["allow_moving_target"]:
        deepest = network.num_freezable(settings)
        for frozen_layers in range(min(when.max_layers(), deepest) + 1):
            targets.check_targets(objective, frozen_layers, deepest)
    if settings["target_context"] != "clip":
        _check_context(settings, objective, when)
    return Method(objective, mask, when, _learning_rate(settings, when))


def schedule(settings) -> schedules.FreezeSchedule:
    """When layers freeze."""
    name = network.encoder_name(settings)
    return components.build_schedule(
        settings,
        network.num_freezable(settings),
        f"layers of {name} may freeze: those that do not decode",
    )


def _objective(settings, never_freezes):
    found = components.objective_class(settings)
    arguments = components.arguments_of(settings, "objective", found)
    objective = found(**arguments)
    unfrozen = objective.unfrozen_target_layers()
    if never_freezes and unfrozen != objective.target_layers(0):
        [arguments["target_layer"]] = unfrozen
        objective = found(**arguments)
    return objective


def _learning_rate(settings, when):
    """Warm-up, cosine, and a mini warm-up after every freeze."""
    steps = settings["steps"]
    rate = learning_rate.WarmupCosine(
        settings["learning_rate"], steps, settings["warmup_steps"]
    )
    rate = learning_rate.MiniWarmup(rate, when, settings["mini_warmup_steps"])
    if settings["accumulation"] > 1:
        rate = learning_rate.PerUpdate(rate, settings["accumulation"])
    return rate


def _check_context(settings, objective, when):
    """Pixels are the same whatever else of the clip is seen."""
    most, deepest = when.max_layers(), network.num_freezable(settings)
    stages = range(most + 1) if most else (None,)
    if all(
        targets.target_layers(objective, stage, deepest) == (0,)
        for stage in stages
    ):
        raise options.UsageError(
            "--target_context is about targets that layers make, and this run "
            "predicts pixels alone. Leave it out."
        )


def _check_backend(settings):
    reason = backends.unsupported(
        dtype_policy=network.dtype(settings),
        distribution=settings["distribution"],
    )
    if reason:
        backend = keras.backend.backend()
        raise options.UsageError(f"Not with KERAS_BACKEND={backend}: {reason}")
    devices = len(backends.devices())
    if settings["distribution"] == "data" and settings["batch_size"] % devices:
        raise options.UsageError(
            f"--batch_size={settings['batch_size']} cannot be split over "
            f"{devices} devices. Make it a multiple."
        )
