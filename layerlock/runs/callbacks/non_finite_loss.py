"""Stops a run when its loss becomes NaN or infinite."""

import math

import keras

from layerlock import backends


class NonFiniteLossError(RuntimeError):
    """The loss became NaN or infinite."""


class StopOnNonFiniteLoss(keras.callbacks.Callback):
    """Raises `NonFiniteLossError` after the first batch without a finite loss.

    Earlier checkpoints are kept. It writes step, stage, batch and clips to
    `failure.json` of the run. Place it after `MetricsLog`, whose last line it
    completes, and before callbacks that save.

    Args:
        run: a `RunDirectory`.
        monitors: the `Monitors` callback of the run.
        log: the `MetricsLog` callback of the run.
        clip_names: function from the number of a batch to the names of its
            clips.
    """

    def __init__(self, run, monitors, log, clip_names):
        super().__init__()
        self.run = run
        self.monitors = monitors
        self.log = log
        self.clip_names = clip_names

    def on_train_batch_end(self, batch, logs=None):
        loss = float(logs["batch_loss"])
        if math.isfinite(loss):
            return
        backends.sync_state(self.model)
        iterations = self.model.optimizer.iterations
        step = int(keras.ops.convert_to_numpy(iterations))
        batch = int(self.model.batches_seen) - 1
        if self.monitors.step != step:  # no line of this step yet
            self.monitors.on_step(step, logs)
            self.log.on_step(step, logs)
        self.run.write_failure(
            {
                "step": step,
                "batch": batch,
                "loss": str(loss),
                "frozen_layers": self.model.frozen_layers,
                "target_layers": list(self.model.target_layers),
                "learning_rate": float(self.model.optimizer.learning_rate),
                "clips": self.clip_names(batch),
            }
        )
        raise NonFiniteLossError(
            f"The loss is {loss} at step {step}, batch {batch}, with "
            f"{self.model.frozen_layers} layers frozen. "
            f"{self.run.failure_path} lists its clips; earlier checkpoints "
            "are kept. Start a new run with a lower `learning_rate`, more "
            "`warmup_steps` or a `gradient_clip`. It can start from this "
            f"run's encoder: init_from={self.run.path}."
        )
