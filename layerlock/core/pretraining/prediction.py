"""The forward pass of masked pre-training, from patches to predictions."""

from keras import ops

from layerlock import backends
from layerlock.core.normalization import at_least_float32
from layerlock.core.pretraining.objectives.base import Batch
from layerlock.core.pretraining.target_pass import TargetPass
from layerlock.core.pretraining.targets import num_scored
from layerlock.core.pretraining.tokens import take_tokens


class MaskedPrediction:
    """Mixin of `MaskedPretraining`: draws masks, encodes, predicts.

    It uses the attributes that the constructor of the model sets.
    """

    def draw_masks(self, batch_size, grid, training=True):
        """Draws the masks of the current batch.

        Args:
            batch_size: int or scalar tensor, clips in the batch.
            grid: Frames, rows and columns of the clips, in patches.
            training: bool. If `False`, every batch gets the masks of batch 0,
                so that held-out losses are comparable.

        Returns:
            A list of `(visible, hidden)`, one per mask kind: token indices of
            shape `(batch * masks_per_clip, tokens)`. `hidden` contains only
            the tokens that are scored.
        """
        return self._scored(self._draw_whole_masks(batch_size, grid, training))

    def _scored(self, pairs):
        """Cuts the hidden tokens of masks to those that are scored."""
        # Every prefix of the hidden tokens is a random subset of them.
        share = self.target_fraction
        return [
            (visible, hidden[:, : num_scored(hidden.shape[1], share)])
            for visible, hidden in pairs
        ]

    def _draw_whole_masks(self, batch_size, grid, training):
        """As `draw_masks`, with all hidden tokens."""
        num_masks = backends.global_size(batch_size) * self.masks_per_clip
        index = self._batch(training).index
        pairs = self.mask(num_masks, grid, self.seed, index)
        return [
            (backends.own_rows(visible), backends.own_rows(hidden))
            for visible, hidden in pairs
        ]

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
            tokens = backends.call_layer(
                encoder, tokens, positions, last_layer=frozen, grid=grid
            )
            tokens = ops.stop_gradient(tokens)
        return backends.call_layer(
            encoder,
            tokens,
            positions,
            first_layer=frozen,
            last_layer=self._num_encoding,
            grid=grid,
        )

    def predict_hidden(self, features, visible, hidden, grid, mask_kind=0):
        """Predicts each target at the patches that are scored.

        Args:
            features: What `encode_visible` returned.
            visible: Token indices of the features.
            hidden: Token indices to predict at.
            grid: Frames, rows and columns, in patches.
            mask_kind: int, index of the mask in `draw_masks`. Defaults to
                `0`.

        Returns:
            A tuple with one tensor `(batch * masks_per_clip, hidden, dim)`
            per target layer, with the visible patches before the hidden ones
            if the predictor predicts them, too. Without target layers, one
            tensor `(batch * masks_per_clip, 1, dim)`, the embedding of the
            features.
        """
        return backends.call_layer(
            self.predictor,
            features,
            self._positions(visible, grid),
            self._positions(hidden, grid),
            encoder=self.encoder,
            target_layers=self.target_layers,
            grid=grid,
            mask_kind=mask_kind,
        )

    def _batch(self, training, pairs=(), grid=None):
        """The `Batch`; held-out batches use the random numbers of batch 0."""
        if not self.objective.predicts_visible:
            pairs = ()
        return Batch(
            positions=tuple(
                tuple(self._positions(indices, grid) for indices in pair)
                for pair in pairs
            ),
            step=self.updates_seen.value,
            seed=self.seed,
            index=self.batches_seen.value if training else 0,
            masks_per_clip=self.masks_per_clip,
        )

    def _target_pass(self, clips, patches, pairs, grid):
        encoder, frozen_layers = self.encoder, self.frozen_layers
        if self.teacher is not None:
            encoder = self.teacher
        if self.fixed_teacher is not None:
            encoder, frozen_layers = self.fixed_teacher.encoder, 0
            patches = encoder.patchify(clips)  # with its own statistics
        return TargetPass(
            encoder,
            self.target_layers,
            patches,
            pairs,
            grid,
            self.target_context,
            self.masks_per_clip,
            frozen_layers=frozen_layers,
            gradient=self.objective.target_gradient,
            with_visible=self.objective.predicts_visible,
        )

    def _positions(self, indices, grid):
        positions = self.encoder.token_positions(grid)
        return backends.take(backends.constant(positions, "int32"), indices)

    def _score(self, target_pass, predictions, batch):
        """Returns the loss, and the last targets of the first kind of mask."""
        objective = self.objective
        if not self.target_layers:
            targets = objective.view_targets(predictions, self.masks_per_clip)
            loss = objective.batch_loss(predictions, targets, batch)
            return loss, targets[0][-1]
        values = [
            self._target_values(target_pass.at(kind))
            for kind in range(len(predictions))
        ]
        return _score_layers(
            objective, predictions, values, batch, layers=self.target_layers
        )

    def _target_values(self, outputs):
        if self.objective.target_gradient:
            return list(outputs.values())
        return [ops.stop_gradient(values) for values in outputs.values()]

    @property
    def _num_encoding(self):
        """Number of encoder blocks that process visible tokens only."""
        return self.predictor.encoder_layers(self.encoder)


@backends.fused_formula
def _score_layers(objective, predictions, values, batch, layers):
    """Returns the loss, and the last targets of the first kind of mask.

    One program normalises targets, compares and averages: eager steps would
    write each float32 tensor in between to memory.

    Args:
        objective: an `Objective`.
        predictions: for each kind of mask, one tensor per target layer.
        values: the patches or latents that become the targets, likewise.
        batch: a `Batch`.
        layers: tuple of ints, the target layers.
    """
    targets = [
        [
            objective.compute_targets(at_least_float32(one), layer)
            for one, layer in zip(of_kind, layers, strict=True)
        ]
        for of_kind in values
    ]
    return objective.batch_loss(predictions, targets, batch), targets[0][-1]
