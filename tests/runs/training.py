"""A small model that trains inside a run directory, for tests of callbacks."""

import keras

from layerlock.core.costs import flops
from layerlock.core.freezing.callback import LayerLock
from layerlock.core.monitoring.monitors import Monitors
from layerlock.runs.callbacks.metrics_log import MetricsLog
from layerlock.runs.callbacks.snapshots import Snapshots
from layerlock.runs.callbacks.stopwatch import Stopwatch
from layerlock.runs.directory import RunDirectory
from tests.core.freezing import dropped_gradients as freezing


class Progress:
    """Keeps what it is told."""

    def __init__(self):
        self.started = None
        self.updates = []
        self.messages = []

    def start(self, total_steps, first_step=0):
        self.started = (total_steps, first_step)

    def advance(self, step):
        self.step = step

    def message(self, text):
        self.messages.append(text)

    def update(self, *facts):
        self.updates.append(facts)


class Training:
    """A model, its run and its callbacks, in the order of the recipe.

    Args:
        path: where the run directory is made, or is already.
        schedule: a `FreezeSchedule`.
        steps: int, steps of the run.
        log_every: int, steps between lines.
        every: int, steps between checkpoints.
        keep: int, checkpoints to keep.
        objective: str, of the model.
        **log_arguments: of `MetricsLog`.
    """

    def __init__(
        self,
        path,
        schedule,
        steps=6,
        log_every=2,
        every=4,
        keep=3,
        optimizer=None,
        objective="mae",
        **log_arguments,
    ):
        self.model = freezing.build_model(objective=objective)
        self.model.compile(optimizer or keras.optimizers.AdamW(1e-2))
        self.run = (
            RunDirectory.resume(path)
            if path.exists()
            else RunDirectory.create(path, {"flags": {}})
        )
        self.lock = LayerLock(schedule)
        self.lock.bind(self.model)
        self.sizes = flops.StepSizes.of(
            self.model, freezing.CLIP_SHAPE, freezing.BATCH_SIZE
        )
        self.progress = Progress()
        self.monitors = Monitors(
            log_every, steps, print_fn=self.progress.message
        )
        self.stopwatch = Stopwatch(self.lock)
        self.log = MetricsLog(
            self.run,
            self.lock,
            self.stopwatch,
            self.monitors,
            [],
            self.sizes,
            steps,
            log_every,
            self.progress,
            **log_arguments,
        )
        self.snapshots = Snapshots(
            self.run,
            self.lock,
            {
                "stopwatch": self.stopwatch,
                "log": self.log,
                "monitors": self.monitors,
            },
            every,
            steps,
            keep,
            clips=freezing.clips(1)[:2],
        )

    def fit(self, num_batches, callbacks=(), epochs=1):
        """Trains on `num_batches` batches, or until the run is complete."""
        self.model.fit(
            freezing.clips(num_batches),
            batch_size=freezing.BATCH_SIZE,
            epochs=epochs,
            shuffle=False,
            verbose=0,
            callbacks=[
                self.stopwatch,
                self.monitors,
                self.log,
                self.lock,
                self.snapshots,
                *callbacks,
            ],
        )
        return self
