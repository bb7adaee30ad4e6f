"""The callbacks of a pre-training run, in the order they depend on."""

import dataclasses

from common import inputs

import keras

import layerlock
from layerlock.core.costs import flops
from layerlock.data import pipeline
from layerlock.evaluation.callback import FeatureProbe
from layerlock.runs.callbacks.metrics_log import MetricsLog
from layerlock.runs.callbacks.non_finite_loss import StopOnNonFiniteLoss
from layerlock.runs.callbacks.snapshots import Snapshots
from layerlock.runs.callbacks.stopwatch import Stopwatch

NUM_PICTURED = 4  # clips in the report
NUM_COMPARED = 16  # clips that layers are compared on


@dataclasses.dataclass(frozen=True)
class Callbacks:
    """What `model.fit` is given, and what a resume must restore.

    Args:
        lock: the `LayerLock`.
        monitors: the `Monitors`.
        log: the `MetricsLog`.
        snapshots: the `Snapshots`.
        keepers: dict from name to a callback whose state is checkpointed.
        in_order: list of all of them.
    """

    lock: layerlock.LayerLock
    monitors: layerlock.Monitors
    log: MetricsLog
    snapshots: Snapshots
    keepers: dict
    in_order: list[keras.callbacks.Callback]

    def restore(self, state: dict, arrays: dict):
        """Goes on from the state and the arrays of a checkpoint."""
        for name, keeper in self.keepers.items():
            keeper.set_state(state[name])
            if hasattr(keeper, "set_arrays"):
                prefix = f"{name}/"
                keeper.set_arrays(
                    {
                        key.removeprefix(prefix): array
                        for key, array in arrays.items()
                        if key.startswith(prefix)
                    }
                )


def build(chosen, method, model, run, clips, progress):
    """Builds the callbacks of a run.

    Args:
        chosen: dict, every flag with its value.
        method: `methods.Method`.
        model: the compiled `MaskedPretraining`.
        run: `runs.RunDirectory`.
        clips: `inputs.Clips`.
        progress: `runs.Progress`.
    """
    steps = chosen["steps"]
    monitors = layerlock.Monitors(
        chosen["log_every"],
        last_step=steps,
        on_collapse=chosen["on_collapse"],
        print_fn=progress.message,
    )
    drift = layerlock.LayerDrift(
        chosen["monitor_every"], inputs.fixed_clips(clips.source, NUM_COMPARED)
    )
    lock = layerlock.LayerLock(
        method.schedule,
        head_reset=chosen["head_reset"],
        before_freeze=drift.before_freeze,
    )
    lock.bind(model)
    probe = []
    if clips.probe:
        probe = [
            FeatureProbe(
                chosen["probe_every"], clips.probe, print_fn=progress.message
            )
        ]
    stopwatch = Stopwatch(lock)
    log = MetricsLog(
        run,
        lock,
        stopwatch,
        monitors,
        [drift, *probe],
        flops.StepSizes.of(
            model, model.encoder.clip_shape, chosen["batch_size"]
        ),
        steps=steps,
        log_every=chosen["log_every"],
        progress=progress,
        validate=inputs.held_out_loss(model, clips.validation, chosen),
        validate_every=chosen["checkpoint_every"],
        waiting_hint=inputs.waiting_hint(chosen),
    )
    stream = pipeline.ClipStream(clips.source, chosen["seed"])
    non_finite_loss = StopOnNonFiniteLoss(
        run,
        monitors,
        log,
        lambda batch: stream.names(batch, chosen["batch_size"]),
    )
    keepers = {
        "stopwatch": stopwatch,
        "log": log,
        "monitors": monitors,
        "drift": drift,
    }
    if probe:
        [keepers["probe"]] = probe
    watch = []
    if method.schedule.is_adaptive:
        keepers["watch"] = layerlock.FreezeWhenConverged(
            method.schedule, lock, monitors, drift
        )
        watch = [keepers["watch"]]
    snapshots = Snapshots(
        run,
        lock,
        keepers,
        every=chosen["checkpoint_every"],
        steps=steps,
        keep=chosen["keep_checkpoints"],
        clips=inputs.fixed_clips(clips.source, NUM_PICTURED),
    )
    in_order = [
        stopwatch,
        monitors,
        drift,
        *probe,
        log,
        non_finite_loss,
        *watch,
        lock,
        snapshots,
    ]
    return Callbacks(lock, monitors, log, snapshots, keepers, in_order)
