"""Saves checkpoints, the encoder and the pictures of a run."""

import numpy as np
from keras import ops

from layerlock import backends
from layerlock.core.freezing.step_counter import EverySteps
from layerlock.core.pretraining import reconstruction
from layerlock.interruption import Interruption
from layerlock.models import stored_predictor
from layerlock.runs import checkpoint_parts, model_card, pictures
from layerlock.runs.agreed_signal import AgreedSignal
from layerlock.runs.background import Background
from layerlock.runs.saver import Saver


class Snapshots(EverySteps):
    """Saves every `every` optimizer steps and at the end, and ends the run.

    Place it last, so that a checkpoint contains the stage of the next step.

    Args:
        run: a `RunDirectory`.
        lock: the `LayerLock` callback of the run.
        stateful_callbacks: dict from name to a callback of the run with
            `get_state()`, and `get_arrays()` if it has arrays. The checkpoint
            holds their states.
        every: int, optimizer steps between checkpoints.
        steps: int, optimizer steps of the run; training stops there.
        keep: int, checkpoints to keep.
        clips: uint8 `(clips, frames, height, width, 3)`, for the pictures of
            the report; the same at every checkpoint.
        before_save: function without arguments, called before a checkpoint
            is saved, such as a check that raises. Defaults to `None`.

    Attributes:
        interruption: an `Interruption`. Once it has a signal, the next
            optimizer step is saved, and is the last one. With several
            processes, all learn of a signal of one, within a second or the
            time of a step.
    """

    def __init__(
        self,
        run,
        lock,
        stateful_callbacks,
        every,
        steps,
        keep,
        clips,
        before_save=None,
    ):
        super().__init__(every, last_step=steps)
        self.run = run
        self.lock = lock
        self.stateful_callbacks = stateful_callbacks
        self.steps = steps
        self.saver = Saver(run.checkpoints_path, keep, run.is_writer)
        self.clips = clips
        self.before_save = before_save
        self.beside = Background("pictures")
        self.interruption = Interruption()
        self._signal = None
        self.step_of_signal = None
        self.saved_step = None

    def set_model(self, model):
        if model is self.model:
            return  # already compiled
        super().set_model(model)
        example = self.clips if model.target_layers == (0,) else None
        self._reconstruct = reconstruction.Reconstruction(model, example)
        self._features = backends.compiled(
            model,
            self._compute_features,
            example=(ops.convert_to_tensor(self.clips),),
        )

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        self._signal = AgreedSignal(self.interruption)

    def on_train_batch_end(self, batch, logs=None):
        self.interruption.raise_lost()
        super().on_train_batch_end(batch, logs)
        if self.counter.step >= self.steps:
            self.model.stop_training = True
        elif self._signal.has_come():
            self._end_early()

    def _end_early(self):
        """Saves and stops, unless gradients are being accumulated."""
        step = self.counter.read()
        if self.step_of_signal is None:
            self.step_of_signal = step
        if self.counter.accumulation == 1 or step > self.step_of_signal:
            if self.saved_step != step:
                self.save()
            self.model.stop_training = True

    def on_train_end(self, logs=None):
        self.wait()

    def wait(self):
        """Waits until checkpoint and pictures are on the disk.

        Raises:
            Exception: what kept them from being written.
        """
        self.saver.wait()
        self.beside.wait()

    def on_step(self, step, logs):
        self.save()

    def save(self):
        """Saves a checkpoint, and exports encoder and pictures."""
        if self.before_save is not None:
            self.before_save()
        model, step = self.model, self.counter.step
        state = {
            "frozen_layers": self.lock.frozen_layers,
            "events": self.lock.events,
            "predictor": _described(model),
            **{
                name: k.get_state()
                for name, k in self.stateful_callbacks.items()
            },
        }
        arrays = {
            f"{name}/{key}": array
            for name, callback in self.stateful_callbacks.items()
            if hasattr(callback, "get_arrays")
            for key, array in callback.get_arrays().items()
        }
        self.beside.wait()  # the pictures of the checkpoint before
        self.saver.save(model, step, state, arrays)
        self.saved_step = step
        self.export(step)

    def export(self, step: int):
        """Exports the encoder, and saves the arrays of the pictures."""
        model = self.model
        self._export_encoder(model.exported_encoder, self.run.encoder_path)
        if model.teacher is not None:
            self._export_encoder(model.encoder, self.run.student_path)
        if self.run.is_writer:
            model_card.write(self.run)
        self._save_pictures(step)

    def _export_encoder(self, encoder, path):
        with backends.gathered(encoder):  # one at a time, to save memory
            if self.run.is_writer:
                encoder.save_to_preset(path, overwrite=True)

    def _save_pictures(self, step):
        model, clips = self.model, self.clips
        if model.target_layers == (0,):
            masked, predicted = self._reconstruct(clips)
            if self.run.is_writer:
                # Compression takes longer than the pictures do.
                self.beside.submit(
                    pictures.save_reconstruction,
                    self.run,
                    clips,
                    masked,
                    predicted,
                    step,
                )
        features = self._features(ops.convert_to_tensor(clips))
        if self.run.is_writer:
            self.beside.submit(
                pictures.save_features,
                self.run,
                clips,
                np.array(ops.convert_to_numpy(features)),
                self._pictured_layer,
                step,
            )

    @property
    def _pictured_layer(self):
        """Name of the last block that processes visible patches only."""
        encoder = self.model.encoder
        number = self.model.predictor.encoder_layers(encoder)
        return encoder.layer_names[number]

    def _compute_features(self, clips):
        layer = self._pictured_layer
        features = self.model.exported_encoder.features(clips, layers=(layer,))
        return ops.cast(features[layer], "float32")


def _described(model) -> dict | None:
    """The predictor, and its variables in a checkpoint of parts."""
    described = stored_predictor.describe(model.predictor)
    if described and backends.is_sharded():
        described["variables"] = checkpoint_parts.names_of(
            model, model.predictor
        )
    return described
