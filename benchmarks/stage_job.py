"""A run of pre-training that stays at one stage, whose steps are timed."""

import contextlib
import dataclasses
import tempfile

import keras
from job_parts import endless, noise, open_job

from layerlock import runs
from layerlock.config import PretrainConfig

NUM_BATCHES = 5


@dataclasses.dataclass(frozen=True)
class StageJob:
    """A run with some layers frozen.

    Args:
        model: the `MaskedPretraining`.
        callbacks: list of those of the run, in their order.
        config: its `PretrainConfig`, resolved.
        method: its `Method`.
    """

    model: keras.Model
    callbacks: list
    config: PretrainConfig
    method: object

    def train(self, num_steps: int, *more):
        """Trains on noise with the callbacks of the run, and some more."""
        batch_size = self.config.training.batch_size
        self.model.fit(
            endless(noise(self.model, batch_size, NUM_BATCHES)),
            steps_per_epoch=num_steps,
            shuffle=False,
            verbose=0,
            callbacks=[*self.callbacks, *more],
        )


@contextlib.contextmanager
def opened(configure, frozen_layers: int):
    """A `StageJob`, whose run directory is removed at the end.

    Args:
        configure: function of the path of a run directory, which returns a
            resolved `PretrainConfig` and its `Method`.
        frozen_layers: int.
    """
    with tempfile.TemporaryDirectory() as folder, runs.Progress() as progress:
        config, method = configure(f"{folder}/run")
        model, parts, _ = open_job(config, method, progress)
        parts.lock.compile_ahead = False  # nothing is to run beside the steps
        parts.lock.scheduler.freeze(frozen_layers)
        yield StageJob(model, parts.in_order, config, method)
