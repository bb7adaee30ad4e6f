"""Variables of the model itself: counters, measurements, a fixed teacher."""

from keras import ops

from layerlock.core.monitoring import health
from layerlock.core.normalization import normalize
from layerlock.core.pretraining import fixed_teacher


class ModelState:
    """Mixin of `MaskedPretraining`: adds its variables, and saves them.

    The weights of a fixed teacher are among them: a compiled step gets them as
    inputs, and does not store them as constants of its program.

    Attributes:
        fixed_teacher: a `FixedTeacher`, or `None`.
        saves_fixed_teacher: bool, whether files of the model's weights include
            the teacher's. A run keeps a reference instead.
        measures_health: bool, whether a step measures the health of its batch.
            `Monitors` sets it to false for batches that it does not read, on
            backends whose steps run eagerly. A compiled step always measures.
    """

    saves_fixed_teacher = True
    measures_health = True

    def _add_state(self, width):
        """Adds counters and measurements.

        Args:
            width: int, features of a token of the encoder.
        """
        self.batches_seen = self._add_variable("batches_seen", (), "int32")
        self.updates_seen = self._add_variable("updates_seen", (), "int32")
        self.health = self._add_variable("health", (len(health.MEASURED),))
        self.feature_moments = self._add_variable("moments", (width, width))

    def _add_variable(self, name, shape, dtype="float32"):
        return self.add_weight(
            name=name,
            shape=shape,
            dtype=dtype,
            initializer="zeros",
            trainable=False,
            autocast=False,
            aggregation="only_first_replica",  # All compute the same.
        )

    def measure_health(self, features, predictions, targets, num_hidden):
        """Measures a batch in the training step.

        Args:
            features, predictions, targets: as for `health.measure`, with
                `masks_per_clip` rows per clip.
            num_hidden: int, predictions and targets at the end of each row
                that are measured: those of hidden patches.
        """
        if not self.measures_health:
            return
        # One row per clip: masks of one clip would look like equal clips.
        rows = slice(None, None, self.masks_per_clip)
        hidden = rows, slice(-num_hidden, None)
        tensors = [
            ops.stop_gradient(tensor[part])
            for tensor, part in (
                (features, rows),
                (predictions, hidden),
                (targets, hidden),
            )
        ]
        self.health.assign(health.measure(*tensors))
        moments = health.second_moments(normalize(tensors[0]))
        self.feature_moments.assign(ops.cast(moments, "float32"))

    def _add_fixed_teacher(self, encoder):
        """Adds the teacher, after encoder, predictor and objective."""
        self.fixed_teacher = None
        if encoder is None:
            return
        fixed_teacher.check_teacher(encoder, self.encoder, self.predictor)
        targets = self.objective.target_layers(0)
        fixed_teacher.check_target_layers(targets, encoder.num_layers)
        encoder.trainable = False
        for variable in encoder.variables:
            # On TensorFlow the line above does nothing if the encoder was
            # built with `trainable=False`, though its layers are trainable.
            variable.trainable = False
        self.fixed_teacher = fixed_teacher.FixedTeacher(encoder)
        self._teacher_weights = encoder.variables

    def _saved_variables(self):
        # In the order of `_add_state`, in which Keras saves them, too.
        return (
            self.batches_seen,
            self.updates_seen,
            self.health,
            self.feature_moments,
        )

    @property
    def unsaved_variables(self) -> list:
        """Variables of a fixed teacher that checkpoints leave out."""
        if self.fixed_teacher is None or self.saves_fixed_teacher:
            return []
        return self._teacher_weights

    def save_own_variables(self, store):
        if self.saves_fixed_teacher:
            super().save_own_variables(store)
            return
        for number, variable in enumerate(self._saved_variables()):
            store[f"{number}"] = variable

    def load_own_variables(self, store):
        if self.saves_fixed_teacher:
            super().load_own_variables(store)
            return
        for number, variable in enumerate(self._saved_variables()):
            variable.assign(store[f"{number}"])
