"""The model that is pre-trained: an encoder, a mask and an objective."""

import keras
from keras import ops

from layerlock import backends
from layerlock.core import masks, monitors, objectives
from layerlock.core.scheduler import FreezableModel
from layerlock.core.tokens import take_tokens
from layerlock.models.decoder import PatchwiseDecoder


@keras.saving.register_keras_serializable("layerlock")
class MaskedPretraining(backends.TrainStep, FreezableModel, keras.Model):
    """Trains an encoder to predict what a mask hides from it.

    The encoder sees the visible patches of a clip only. A predictor says what
    is at the hidden ones: pixels, or once layers are frozen, the output of
    the newest frozen layer on the whole clip. Nothing learns through a frozen
    layer: gradients stop at its output in the visible branch, and before the
    embedding in the target branch.

    Reference: LayerLock (arXiv 2509.10156), section 3 and Algorithm 1.

    Args:
        encoder: a `VideoEncoder`.
        objective: an `Objective` or the name of one. Defaults to `"mae"`.
        mask: a `Mask` or the name of one. Defaults to `"random"`, which
            hides 95 % of the patches.
        predictor: a layer of the signature of `PatchwiseDecoder`. Defaults to
            a `PatchwiseDecoder` of the encoder's size.
        seed: int, of the masks. The mask of batch b is a function of
            `(seed, b)`. Defaults to `0`.
        target_fraction: float in (0, 1], share of the hidden patches that is
            decoded and scored. Defaults to `1.0`.
        masks_per_clip: int, masks drawn for every clip. They share the
            target's pass over the clip. Defaults to `1`.
        frozen_layers: int, the stage to start from. Only `keras.saving`
            should need it. Defaults to `0`.

    Call arguments:
        clips: Shape `(batch, frames, height, width, 3)`, uint8, or floats
            between 0 and 255.

    Output: a dict of scalars: `loss`, `feature_std`, `target_std`.

    Raises:
        ValueError: if the mask hides nothing or everything of the encoder's
            clips, or an argument is out of its range.

    Example:

    ```python
    model = MaskedPretraining(VideoEncoder.from_preset("video_vit_nano"))
    model.compile(optimizer=keras.optimizers.AdamW(1e-3))
    model.fit(clips, callbacks=[LayerLock("linear")])
    ```
    """

    def __init__(
        self,
        encoder,
        objective="mae",
        mask="random",
        predictor=None,
        seed=0,
        target_fraction=1.0,
        masks_per_clip=1,
        frozen_layers=0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if not 0.0 < target_fraction <= 1.0:
            raise ValueError(
                "`target_fraction` is the share of hidden patches that is "
                "scored, above 0 and at most 1. Received: "
                f"target_fraction={target_fraction}."
            )
        if masks_per_clip < 1:
            raise ValueError(
                "`masks_per_clip` must be at least 1. Received: "
                f"masks_per_clip={masks_per_clip}."
            )
        self.encoder = encoder
        self.objective = objectives.get(objective)
        self.mask = masks.get(mask)
        self.mask.validate(encoder.grid(encoder.clip_shape))
        self.predictor = predictor or self._default_predictor()
        self.seed = seed
        self.target_fraction = target_fraction
        self.masks_per_clip = masks_per_clip
        # State that no layer owns: it must survive a resume.
        self.batches_seen = self.add_weight(
            name="batches_seen",
            shape=(),
            dtype="int32",
            initializer="zeros",
            trainable=False,
        )
        self.feature_moments = self.add_weight(
            name="feature_moments",
            shape=(encoder.hidden_dim, encoder.hidden_dim),
            dtype="float32",
            initializer="zeros",
            trainable=False,
        )
        self.frozen_layers = 0
        self.target_layers = ()
        self.enter_stage(0)
        self.built = True
        if frozen_layers:
            self._restore_stage(frozen_layers)

    def _default_predictor(self):
        encoder = self.encoder
        limit = encoder.num_layers - encoder.num_decoder_layers
        return PatchwiseDecoder(
            hidden_dim=encoder.hidden_dim,
            patch_dim=encoder.patch_dim,
            num_decoder_layers=encoder.num_decoder_layers,
            num_latent_heads=self.objective.max_latent_targets(limit),
            dtype=encoder.dtype_policy,
            name="predictor",
        )

    # Stages.

    @property
    def freezable_layers(self):
        limit = self.predictor.encoder_layers(self.encoder)
        return self.encoder.freezable_layers[:limit]

    def enter_stage(self, frozen_layers, reset_head=False):
        targets = self.objective.target_layers(frozen_layers)
        moved = targets != self.target_layers
        self.frozen_layers = frozen_layers
        self.target_layers = targets
        live = self.predictor.head_layers(targets)
        was_live = [head for head in live if head.trainable]
        for head in self.predictor.heads:
            head.trainable = any(head is other for other in live)
        return _initialize(was_live) if reset_head and moved else []

    def _restore_stage(self, frozen_layers):
        self.enter_stage(frozen_layers)
        for layer in keras.tree.flatten(self.freezable_layers[:frozen_layers]):
            layer.trainable = False

    # One step.

    def call(self, clips, training=False):
        encoder = self.encoder
        grid = encoder.grid(clips.shape[1:4])
        patches = encoder.patchify(clips)  # (batch, tokens, patch_dim)
        latents = self._target_latents(patches, grid)
        losses, spreads = [], []
        for visible, hidden in self.draw_masks(
            ops.shape(clips)[0], grid, training
        ):
            features = self.encode_visible(patches, visible, grid)
            predictions = self.predict_hidden(features, visible, hidden, grid)
            targets = [
                self.objective.compute_targets(
                    ops.stop_gradient(
                        take_tokens(latents[layer], hidden, self.masks_per_clip)
                    ),
                    layer,
                )
                for layer in self.target_layers
            ]
            losses.append(self.objective.loss(predictions, targets))
            spreads.append(monitors.spread(targets[-1]))
        features = monitors.normalize(ops.stop_gradient(features))
        if training:
            self.batches_seen.assign_add(1)
            self.feature_moments.assign(
                ops.cast(monitors.second_moments(features), "float32")
            )
        return {
            "loss": sum(losses) / len(losses),
            "feature_std": monitors.spread(features),
            "target_std": sum(spreads) / len(spreads),
        }

    def draw_masks(self, batch_size, grid, training=True):
        """Draws the masks of the present batch.

        Args:
            batch_size: int or scalar tensor, clips in the batch.
            grid: Frames, rows and columns of the clips, in patches.
            training: bool. Outside of training every batch gets the masks of
                batch 0, so that held-out losses can be compared.

        Returns:
            A list of `(visible, hidden)`, one per mask kind: token indices of
            shape `(batch * masks_per_clip, tokens)`. Of the hidden ones, only
            those to be scored.
        """
        batch_index = self.batches_seen.value if training else 0
        num_masks = batch_size * self.masks_per_clip
        drawn = self.mask(num_masks, grid, self.seed, batch_index)
        # Every prefix of the hidden tokens is a random subset of them.
        return [
            (visible, hidden[:, : self.num_scored(hidden.shape[1])])
            for visible, hidden in drawn
        ]

    def num_scored(self, num_hidden: int) -> int:
        """How many of `num_hidden` hidden patches are decoded and scored."""
        return max(1, round(num_hidden * self.target_fraction))

    def encode_visible(self, patches, visible, grid):
        """Encodes the visible patches, up to the predictor's layers.

        Args:
            patches: Shape `(batch, tokens, patch_dim)`.
            visible: Token indices `(batch * masks_per_clip, visible)`.
            grid: Frames, rows and columns, in patches.

        Output shape:
            `(batch * masks_per_clip, visible, hidden_dim)`.
        """
        encoder = self.encoder
        positions = self._positions(visible, grid)
        patches = take_tokens(patches, visible, self.masks_per_clip)
        tokens = encoder.embed(patches, positions, grid)
        frozen = self.frozen_layers
        if frozen:
            tokens = encoder(tokens, positions, last_layer=frozen)
            tokens = ops.stop_gradient(tokens)
        last = self.predictor.encoder_layers(encoder)
        return encoder(tokens, positions, first_layer=frozen, last_layer=last)

    def predict_hidden(self, features, visible, hidden, grid):
        """Predicts each target at the hidden patches.

        Args:
            features: What `encode_visible` returned.
            visible: Token indices of the features.
            hidden: Token indices to predict at.
            grid: Frames, rows and columns, in patches.

        Returns:
            A tuple with one tensor `(batch * masks_per_clip, hidden, dim)`
            per target layer.
        """
        return self.predictor(
            features,
            self._positions(visible, grid),
            self._positions(hidden, grid),
            encoder=self.encoder,
            target_layers=self.target_layers,
            grid=grid,
        )

    def _target_latents(self, patches, grid):
        """Outputs of the target layers on the whole clip, without gradient."""
        latents = {0: patches}
        encoder = self.encoder
        tokens, done = None, 0
        for layer in sorted(set(self.target_layers) - {0}):
            if tokens is None:
                positions = encoder.token_positions(grid)[None]
                tokens = encoder.embed(
                    ops.stop_gradient(patches), positions, grid
                )
            tokens = encoder(
                tokens, positions, first_layer=done, last_layer=layer
            )
            latents[layer], done = ops.stop_gradient(tokens), layer
        return latents

    def _positions(self, indices, grid):
        return ops.take(self.encoder.token_positions(grid), indices, axis=0)

    # What Keras asks for.

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        return y_pred["loss"]

    def step_logs(self, loss, outputs, gradients, loss_scale):
        """What a training step reports beside Keras's running mean."""
        squares = [
            ops.sum(ops.square(ops.cast(gradient, "float32")))
            for gradient in gradients
            if gradient is not None
        ]
        return {
            "batch_loss": loss,
            "feature_std": outputs["feature_std"],
            "target_std": outputs["target_std"],
            "grad_norm": ops.sqrt(sum(squares)) / loss_scale,
        }

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            "encoder": serialize(self.encoder),
            "objective": serialize(self.objective),
            "mask": serialize(self.mask),
            "predictor": serialize(self.predictor),
            "seed": self.seed,
            "target_fraction": self.target_fraction,
            "masks_per_clip": self.masks_per_clip,
            "frozen_layers": self.frozen_layers,
        }

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        for name in ("encoder", "predictor"):
            config[name] = keras.saving.deserialize_keras_object(config[name])
        return cls(**config)


def _initialize(layers):
    """Gives layers new initial weights; returns the variables."""
    for layer in layers:
        layer.kernel.assign(
            layer.kernel_initializer(layer.kernel.shape, layer.kernel.dtype)
        )
        layer.bias.assign(
            layer.bias_initializer(layer.bias.shape, layer.bias.dtype)
        )
    return [variable for layer in layers for variable in layer.variables]
