"""Stops a run when its loss becomes NaN or infinite."""

import math

import keras

from layerlock.core.freezing.step_counter import EverySteps
from layerlock.runs import checkpoints


class NonFiniteLossError(RuntimeError):
    """The loss became NaN or infinite."""


class StopOnNonFiniteLoss(EverySteps):
    """Raises `NonFiniteLossError` if a batch had no finite loss.

    It looks at the losses at every line of the log, and before a checkpoint is
    saved: pass `check` to `Snapshots`. Earlier checkpoints are kept. It writes
    step, stage, number and clips of the first such batch to `failure.json` of
    the run. Place it after `MetricsLog`, whose last line it completes.

    Args:
        run: a `RunDirectory`.
        monitors: the `Monitors` callback of the run.
        log: the `MetricsLog` callback of the run.
        clip_names: function from the number of a batch to the names of its
            clips.
    """

    def __init__(self, run, monitors, log, clip_names):
        super().__init__(log.every, log.last_step)
        self.run = run
        self.monitors = monitors
        self.log = log
        self.clip_names = clip_names

    def on_train_batch_end(self, batch, logs=None):
        self.logs = logs
        super().on_train_batch_end(batch, logs)

    def on_step(self, step, logs):
        self.check()

    def check(self):
        """Raises if the loss of a batch since the line before was not finite.

        Raises:
            NonFiniteLossError: with the first such batch.
        """
        log, step = self.log, self.counter.read()
        has_line = log.logged_step == step
        losses = log.logged_losses if has_line else log.read_losses()
        finite = list(map(math.isfinite, losses))
        if all(finite):
            return
        if not has_line:
            if self.monitors.step != step:
                self.monitors.on_step(step, self.logs)
            log.on_step(step, self.logs)
        log.flush()
        first = finite.index(False)
        self._fail(losses[first], later=len(losses) - 1 - first)

    def _fail(self, loss: float, later: int):
        """Writes down where it happened, and raises.

        Args:
            loss: float, of the batch.
            later: int, batches trained since.
        """
        model, every = self.model, self.counter.accumulation
        batches = int(keras.ops.convert_to_numpy(model.batches_seen))
        batch = batches - 1 - later
        step = self.counter.step - (batches // every - (batch + 1) // every)
        stages = [
            frozen
            for event, frozen in self.log.lock.events
            if event * every <= batch
        ]
        has_frozen_since = len(stages) < len(self.log.lock.events)
        frozen_layers = model.frozen_layers
        if has_frozen_since:
            frozen_layers = stages[-1] if stages else 0
        self.run.write_failure(
            {
                "step": step,
                "batch": batch,
                "loss": str(loss),
                "frozen_layers": frozen_layers,
                "target_layers": list(model.target_layers_at(frozen_layers)),
                "learning_rate": float(model.optimizer.learning_rate),
                "clips": self.clip_names(batch),
            }
        )
        raise NonFiniteLossError(
            f"The loss is {loss} at step {step}, batch {batch}, with "
            f"{frozen_layers} layers frozen. "
            f"{self.run.failure_path} lists its clips. Start a new run with a "
            "lower `learning_rate`, more `warmup_steps` or a `gradient_clip`."
            + self._what_is_kept()
        )

    def _what_is_kept(self) -> str:
        """What an earlier checkpoint is good for; empty if there is none."""
        found = checkpoints.find(self.run.checkpoints_path)
        if not found:
            return ""
        return (
            f" Checkpoints up to step {checkpoints.step_of(found[0])} are "
            "kept. If the loss was still good there, it can start from this "
            f"run's encoder: init_from={self.run.path}."
        )
