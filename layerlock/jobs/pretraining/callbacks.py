"""The callbacks of a pre-training run, in the order they depend on."""

import dataclasses

import keras

from layerlock.config import PretrainConfig
from layerlock.core.costs import flops
from layerlock.core.freezing.adaptive import FreezeWhenConverged
from layerlock.core.freezing.callback import LayerLock
from layerlock.core.monitoring import held_out
from layerlock.core.monitoring.drift import LayerDrift
from layerlock.core.monitoring.monitors import Monitors
from layerlock.data import pipeline
from layerlock.evaluation import encoders
from layerlock.evaluation.callback import FeatureProbe
from layerlock.jobs.pretraining import inputs
from layerlock.runs.callbacks.metrics_log import MetricsLog
from layerlock.runs.callbacks.non_finite_loss import StopOnNonFiniteLoss
from layerlock.runs.callbacks.snapshots import Snapshots
from layerlock.runs.callbacks.stopwatch import Stopwatch
from layerlock.runs.callbacks.trace import Trace

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
        trace: list with the `Trace`, if one is wanted.
        in_order: list of all of them.
    """

    lock: LayerLock
    monitors: Monitors
    log: MetricsLog
    snapshots: Snapshots
    keepers: dict
    trace: list[Trace]
    in_order: list[keras.callbacks.Callback]

    def close(self):
        """Ends what would be left open by training that was interrupted."""
        self.log.flush()
        self.snapshots.beside.wait()
        for trace in self.trace:
            trace.close()

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


def build(
    config: PretrainConfig, method, model, run, clips, progress
) -> Callbacks:
    """Builds the callbacks of a run.

    Args:
        config: resolved.
        method: `Method`.
        model: the compiled `MaskedPretraining`.
        run: `runs.RunDirectory`.
        clips: `inputs.Clips`.
        progress: `runs.Progress`.
    """
    steps, batch_size = config.training.steps, config.training.batch_size
    monitors = Monitors(
        config.run.log_every,
        last_step=steps,
        on_collapse=config.run.on_collapse,
        print_fn=progress.message,
    )
    drift = LayerDrift(
        config.run.monitor_every, inputs.fixed_clips(clips.source, NUM_COMPARED)
    )
    lock = LayerLock(
        method.schedule,
        head_reset=config.freezing.head_reset,
        before_freeze=drift.before_freeze,
    )
    lock.bind(model)
    probe = []
    if clips.probe:
        probe = [
            FeatureProbe(
                config.run.probe_every,
                clips.probe,
                last_step=steps,
                print_fn=progress.message,
            )
        ]
    measured = _held_out(config, model, clips.validation or clips.source)
    stopwatch = Stopwatch(lock)
    log = MetricsLog(
        run,
        lock,
        stopwatch,
        monitors,
        [drift, *measured, *probe],
        flops.StepSizes.of(model, model.encoder.clip_shape, batch_size),
        steps=steps,
        log_every=config.run.log_every,
        progress=progress,
        validate=inputs.held_out_loss(model, clips.validation, batch_size),
        validate_every=config.run.checkpoint_every,
        waiting_hint=inputs.waiting_hint(config),
    )
    stream = pipeline.ClipStream(clips.source, config.training.seed)
    non_finite_loss = StopOnNonFiniteLoss(
        run,
        monitors,
        log,
        lambda batch: stream.names(batch, batch_size),
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
        keepers["watch"] = FreezeWhenConverged(
            method.schedule, lock, monitors, drift
        )
        watch = [keepers["watch"]]
    snapshots = Snapshots(
        run,
        lock,
        keepers,
        every=config.run.checkpoint_every,
        steps=steps,
        keep=config.run.keep_checkpoints,
        clips=inputs.fixed_clips(clips.source, NUM_PICTURED),
        before_save=non_finite_loss.check,
    )
    stopwatch.readers = [
        *(monitors, drift, *measured, *probe),
        *(log, lock, snapshots),
    ]
    trace = []
    if config.run.trace:
        trace = [Trace(config.run.trace, print_fn=progress.message)]
    in_order = [
        *trace,
        stopwatch,
        monitors,
        drift,
        *measured,
        *probe,
        log,
        non_finite_loss,
        *watch,
        lock,
        snapshots,
    ]
    return Callbacks(lock, monitors, log, snapshots, keepers, trace, in_order)


def _held_out(config, model, source) -> list:
    """A list of the callback that predicts fixed clips, empty without it."""
    if not config.run.held_out_every:
        return []
    encoder = model.encoder
    _, rows, columns = encoder.grid(
        (config.data.frames, config.data.size, config.data.size)
    )
    return [
        held_out.HeldOutPrediction(
            config.run.held_out_every,
            # A repeated clip would be predicted from itself.
            inputs.fixed_clips(
                source,
                min(held_out.clips_for(rows * columns), len(source)),
            ),
            encoders.layer_number(encoder, 0.95),
            last_step=config.training.steps,
        )
    ]
