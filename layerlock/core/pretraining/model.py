"""The model that is pre-trained: an encoder, a mask and an objective."""

import keras
from keras import ops

from layerlock import backends
from layerlock.backends import keras_internals
from layerlock.core.freezing.scheduler import FreezableModel
from layerlock.core.pretraining import masks, objectives, teacher
from layerlock.core.pretraining.default_predictor import default_predictor
from layerlock.core.pretraining.prediction import MaskedPrediction
from layerlock.core.pretraining.state import ModelState
from layerlock.core.pretraining.target_pass import check_context
from layerlock.core.pretraining.targets import (
    check_chosen_layers,
    check_mask,
    check_objective,
    check_predictor,
    check_settings,
    check_targets,
    check_views,
    target_layers,
)
from layerlock.core.tensor_logs import TensorLogsFit


@keras.saving.register_keras_serializable("layerlock")
class MaskedPretraining(
    backends.TrainStep,
    ModelState,
    MaskedPrediction,
    FreezableModel,
    TensorLogsFit,
    keras.Model,
):
    """Trains an encoder to predict the hidden patches of a clip.

    The encoder processes the visible patches only. A predictor predicts the
    targets at the hidden patches: pixels, or the output of a layer on the
    whole clip, which is the newest frozen layer for `"mae"` and a layer of the
    teacher for `"vjepa"`. `"lejepa"` predicts no patches: it compares the
    embeddings of a clip under several masks. No gradient flows through frozen
    layers: it stops at their output in the visible branch, and before the
    embedding in the target branch.

    Reference: LayerLock (arXiv 2509.10156), section 3 and Algorithm 1.

    Args:
        encoder: a `VideoEncoder`.
        objective: an `Objective` or the name of one. Defaults to `"mae"`.
        mask: a `Mask` or the name of one. Defaults to the mask of the
            objective: `"random"` for `"mae"`, which hides 95 % of the
            patches, `"multiblock"` for `"vjepa"`.
        predictor: a layer with `TargetHeads`. Defaults to the predictor of
            the objective, in the encoder's size: a `PatchwiseDecoder` for
            `"mae"`, a `LatentPredictor` for `"vjepa"`, a `Projector` for
            `"lejepa"`.
        seed: int, of the masks. The mask of batch b is a function of
            `(seed, b)`. Defaults to `0`.
        target_fraction: float in (0, 1], share of the hidden patches that are
            predicted and scored. Defaults to `1.0`.
        masks_per_clip: int, masks drawn for every clip. They share one target
            pass over the clip. Defaults to that of the objective: 4 for
            `"lejepa"`, which compares them, otherwise 1.
        target_context: `"clip"` or `"scored"`, the input of the target pass:
            the whole clip, as in the paper, or only the visible and the
            scored patches. `"scored"` is cheaper if `target_fraction` is
            small, but every mask needs its own pass and the targets have less
            context. Defaults to `"clip"`.
        allow_moving_target: bool, whether a target may be a layer that is
            neither frozen nor part of a teacher. Defaults to `False`.
        fixed_teacher: a `VideoEncoder` of the same patches, of any width and
            depth, for an objective with `teacher="fixed"`. It never changes.
            Defaults to `None`.
        frozen_layers: int, the stage to start from, for `keras.saving`.
            Defaults to `0`.

    Attributes:
        teacher: the moving average of the encoder that computes the targets,
            or `None`, depending on the objective. It begins as a copy of the
            encoder, and shares its frozen blocks.
        fixed_teacher: the `FixedTeacher`, or `None`.
        updates_seen: variable, optimizer updates done.
        batches_seen: variable, batches trained on.

    Call arguments:
        clips: Shape `(batch, frames, height, width, 3)`, uint8, or floats
            between 0 and 255.

    Output: a dict with the scalar `loss`.

    Raises:
        ValueError: if the mask hides nothing or everything of the encoder's
            clips or leaves too little for the objective, if a target would
            move without a teacher, or an argument is out of its range.

    Example:

    >>> import layerlock, numpy as np
    >>> encoder = layerlock.VideoEncoder(
    ...     num_layers=3, num_heads=2, hidden_dim=12, mlp_dim=24,
    ...     patch_size=(2, 8, 8), clip_shape=(4, 32, 32), num_decoder_layers=1)
    >>> model = MaskedPretraining(encoder, objective="mae")
    >>> model.compile(optimizer=keras.optimizers.AdamW(1e-3))
    >>> lock = layerlock.LayerLock(layerlock.PiecewiseFreezeSchedule([(2, 1)]))
    >>> clips = np.zeros((3, 4, 32, 32, 3), "uint8")
    >>> history = model.fit(clips, batch_size=1, verbose=0, callbacks=[lock])
    >>> model.frozen_layers
    1
    """

    def __init__(
        self,
        encoder,
        objective="mae",
        mask=None,
        predictor=None,
        seed=0,
        target_fraction=1.0,
        masks_per_clip=None,
        target_context="clip",
        allow_moving_target=False,
        fixed_teacher=None,
        frozen_layers=0,
        **kwargs,
    ):
        keras_internals.refuse_remat_scope()
        super().__init__(**kwargs)
        self.encoder = encoder
        self.objective = objectives.get(objective)
        check_objective(self.objective, fixed_teacher)
        if masks_per_clip is None:
            masks_per_clip = self.objective.default_masks_per_clip
        check_settings(seed, target_fraction, masks_per_clip)
        check_context(target_context)
        self.mask = masks.get(mask or self.objective.default_mask)
        check_mask(self.objective, self.mask, encoder.grid())
        check_views(self.objective, self.mask, encoder.grid(), masks_per_clip)
        width = fixed_teacher and fixed_teacher.hidden_dim
        self.predictor = predictor or default_predictor(
            encoder, self.objective, self.mask, width
        )
        check_predictor(self.objective, self.predictor)
        check_chosen_layers(self.objective, self._num_encoding)
        self.teacher = None
        if self.objective.teacher == "ema":
            self.teacher = teacher.create(encoder)
        self.seed = seed
        self.target_fraction = target_fraction
        self.masks_per_clip = masks_per_clip
        self.target_context = target_context
        self.allow_moving_target = allow_moving_target
        self._add_state(encoder.hidden_dim)
        self.frozen_layers, self.target_layers = 0, ()
        self._add_fixed_teacher(fixed_teacher)
        for stage in (None, *range(self._num_encoding + 1)):
            # Raises now if a later stage lacks a head.
            self.predictor.head_layers(self.target_layers_at(stage))
        self.enter_stage(0)
        self.built = True
        if frozen_layers:
            self._restore_stage(frozen_layers)

    # Stages.

    @property
    def freezable_layers(self):
        return self.encoder.freezable_layers[: self._num_encoding]

    def check_stages(self, frozen_layers):
        if self.allow_moving_target:
            return
        for stage in range(self.frozen_layers, frozen_layers + 1):
            check_targets(self.objective, stage, self._num_encoding)

    def enter_stage(self, frozen_layers, reset_head=False):
        if frozen_layers < self.frozen_layers:
            raise ValueError(
                f"Layers never thaw. Received: frozen_layers={frozen_layers} "
                f"while {self.frozen_layers} are frozen."
            )
        targets = self.target_layers_at(frozen_layers)
        self.check_stages(frozen_layers)
        self.predictor.head_layers(targets)  # raises if there is none
        moved = targets != self.target_layers
        self.frozen_layers = frozen_layers
        self.target_layers = targets
        if self.teacher is not None:
            teacher.share_layers(self.teacher, self.encoder, frozen_layers)
        return self.predictor.switch_heads(targets, reset_head and moved)

    def target_layers_at(self, frozen_layers: int | None) -> tuple:
        """Returns the target layers of a stage; 0 is the pixels.

        Args:
            frozen_layers: int, or `None` for a run that never freezes.
        """
        deepest = self._num_encoding
        if self.fixed_teacher is not None:
            deepest = self.fixed_teacher.encoder.num_layers
        return target_layers(self.objective, frozen_layers, deepest)

    def _restore_stage(self, frozen_layers):
        self.enter_stage(frozen_layers)
        for layer in keras.tree.flatten(self.freezable_layers[:frozen_layers]):
            layer.trainable = False

    # One step.

    def call(self, clips, training=False):
        encoder = self.encoder
        grid = encoder.grid(clips.shape[1:4])
        patches = encoder.patchify(clips)  # (batch, tokens, patch_dim)
        whole = self._draw_whole_masks(ops.shape(clips)[0], grid, training)
        pairs = self._scored(whole)
        target_pass = self._target_pass(clips, patches, pairs, grid)
        features, predictions = [], []
        for kind, pair in enumerate(pairs):
            features.append(self.encode_visible(patches, pair[0], grid))
            predictions.append(
                self.predict_hidden(features[-1], *pair, grid, kind)
            )
        loss, targets = self._score(
            target_pass, predictions, self._batch(training, whole, grid)
        )
        if training:
            self.batches_seen.assign_add(backends.constant(1, "int32"))
            num_hidden = pairs[0][1].shape[1]
            self.measure_health(
                features[0], predictions[0][-1], targets, num_hidden
            )
        return {"loss": loss}

    # Methods that Keras calls.

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        return y_pred["loss"]

    def step_logs(self, loss, outputs, gradients, loss_scale):
        """Returns the logs of a training step, beside Keras's running mean."""
        norm = backends.global_norm(gradients)
        rate = ops.convert_to_tensor(self.optimizer.learning_rate)
        return {
            "batch_loss": loss,
            "grad_norm": norm / loss_scale,
            "learning_rate": ops.cast(rate, "float32"),
        }

    def after_update(self):
        """Counts the update and moves the teacher, after the optimizer.

        The teacher does not move if the optimizer did not update the weights,
        because it accumulates gradients or skipped an overflow.
        """
        step = ops.cast(backends.optimizer_steps(self.optimizer), "int32")
        if self.teacher is not None:
            momentum = ops.cast(
                self.objective.momentum_at(self.updates_seen.value), "float32"
            )
            updated = ops.cast(step > self.updates_seen.value, "float32")
            momentum = updated * momentum + (1.0 - updated)
            teacher.update(self.teacher, self.encoder, momentum)
        self.updates_seen.assign(step)

    @property
    def exported_encoder(self):
        """The encoder to export: the teacher, if the model has one."""
        return self.encoder if self.teacher is None else self.teacher

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        fixed = self.fixed_teacher
        return {
            **super().get_config(),
            "encoder": serialize(self.encoder),
            "objective": serialize(self.objective),
            "mask": serialize(self.mask),
            "predictor": serialize(self.predictor),
            "seed": self.seed,
            "target_fraction": self.target_fraction,
            "masks_per_clip": self.masks_per_clip,
            "target_context": self.target_context,
            "allow_moving_target": self.allow_moving_target,
            "fixed_teacher": fixed and serialize(fixed.encoder),
            "frozen_layers": self.frozen_layers,
        }

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        for name in ("encoder", "predictor", "fixed_teacher"):
            part = config.get(name)
            config[name] = keras.saving.deserialize_keras_object(part)
        return cls(**config)
