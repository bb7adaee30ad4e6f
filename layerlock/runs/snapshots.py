"""Saves what a run must not lose: checkpoints, encoder, pictures."""

import keras

from layerlock.core import checkpoints, reconstruction
from layerlock.core.step_counter import StepCounter
from layerlock.runs import pictures


class Snapshots(keras.callbacks.Callback):
    """Saves every `every` optimizer steps and at the end, and ends the run.

    Place it last: a checkpoint then holds the stage that the next step is
    trained at.

    Args:
        run: a `RunDirectory`.
        lock: the `LayerLock` callback of the run.
        log: the `MetricsLog` of the run.
        every: int, optimizer steps between checkpoints.
        steps: int, optimizer steps of the run; training stops there.
        keep: int, checkpoints to keep.
        clips: uint8 `(clips, frames, height, width, 3)`, to show in the
            report; the same at every checkpoint.
    """

    def __init__(self, run, lock, log, every, steps, keep, clips):
        super().__init__()
        self.run = run
        self.lock = lock
        self.log = log
        self.every = every
        self.steps = steps
        self.keep = keep
        self.clips = clips

    def on_train_begin(self, logs=None):
        self.counter = StepCounter(self.model)
        self._plan()

    def on_epoch_begin(self, epoch, logs=None):
        self.batch = -1

    def on_train_batch_end(self, batch, logs=None):
        self.counter.count(batch - self.batch)
        self.batch = batch
        if self.counter.has_reached(self.next):
            self.save()
            self._plan()
        if self.counter.step >= self.steps:
            self.model.stop_training = True

    def _plan(self):
        step = self.counter.step
        following = (step // self.every + 1) * self.every
        self.next = min(following, max(self.steps, step + 1))

    def save(self):
        """Saves a checkpoint, the encoder and the arrays of the pictures."""
        model, step = self.model, self.counter.step
        state = {
            "frozen_layers": self.lock.frozen_layers,
            "events": self.lock.events,
            "log": self.log.get_state(),
        }
        checkpoints.save(
            self.run.checkpoints_path, model, step, state, self.keep
        )
        model.encoder.save_to_preset(self.run.encoder_path, overwrite=True)
        self._save_pictures(step)

    def _save_pictures(self, step):
        model, clips = self.model, self.clips
        if model.target_layers == (0,):
            masked, predicted = reconstruction.reconstruct(model, clips)
            pictures.save_reconstruction(
                self.run, clips, masked, predicted, step
            )
        layer = model.encoder.layer_names[
            model.predictor.encoder_layers(model.encoder)
        ]
        features = model.encoder.features(clips, layers=(layer,))[layer]
        pictures.save_features(
            self.run,
            clips,
            keras.ops.convert_to_numpy(keras.ops.cast(features, "float32")),
            layer,
            step,
        )
