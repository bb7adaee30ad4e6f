"""The target pass: outputs of encoder layers, used as targets."""

from keras import ops

from layerlock import backends
from layerlock.core.pretraining.tokens import take_tokens

# The input of the pass: the whole clip, or the visible and scored patches.
CONTEXTS = ("clip", "scored")


class TargetPass:
    """Outputs of the target layers at the hidden patches of a batch.

    Args:
        encoder: the `VideoEncoder` that computes the targets.
        layers: tuple of ints, 0 being the pixels.
        patches: Shape `(batch, tokens, patch_dim)`, all of the clips.
        grid: Frames, rows and columns, in patches.
        context: one of `CONTEXTS`. With `"clip"` the masks of a clip share
            one pass; with `"scored"` each mask needs its own.
        masks_per_clip: int.
        frozen_layers: int, see `layer_outputs`. Defaults to `0`.
        gradient: bool, see `layer_outputs`. Defaults to `False`.
    """

    def __init__(
        self,
        encoder,
        layers,
        patches,
        grid,
        context,
        masks_per_clip,
        frozen_layers=0,
        gradient=False,
    ):
        self.layers = layers
        self.patches = patches
        self.context = context
        self.masks_per_clip = masks_per_clip
        self._outputs = lambda patches, indices=None: layer_outputs(
            encoder,
            patches,
            [layer for layer in layers if layer],
            grid,
            indices,
            frozen_layers,
            gradient,
        )
        self._whole = self._outputs(patches) if context == "clip" else {}

    def at(self, visible, hidden) -> dict:
        """Returns the output of each target layer, in their order.

        Args:
            visible: Token indices `(batch * masks_per_clip, visible)`.
            hidden: Token indices of the patches that are scored.

        Returns:
            dict from layer to a tensor
            `(batch * masks_per_clip, hidden, dim)`.
        """
        outputs = {
            layer: self._take(values, hidden)
            for layer, values in {0: self.patches, **self._whole}.items()
            if layer in self.layers
        }
        if self.context == "scored":
            seen = ops.concatenate([hidden, visible], axis=1)
            parts = self._outputs(self._take(self.patches, seen), seen)
            for layer, values in parts.items():
                outputs[layer] = values[:, : hidden.shape[1]]
        return {layer: outputs[layer] for layer in self.layers}

    def _take(self, tokens, indices):
        return take_tokens(tokens, indices, self.masks_per_clip)


def check_context(context):
    """Raises unless `context` is one of `CONTEXTS`."""
    if context not in CONTEXTS:
        raise ValueError(
            f"`target_context` must be one of {list(CONTEXTS)}. Received: "
            f"target_context={context!r}."
        )


def layer_outputs(
    encoder,
    patches,
    layers,
    grid,
    indices=None,
    frozen_layers=0,
    gradient=False,
) -> dict:
    """Computes the outputs of some blocks, in one pass.

    Args:
        encoder: a `VideoEncoder`.
        patches: Shape `(batch, tokens, patch_dim)`.
        layers: list of ints, the blocks, from 1 on.
        grid: Frames, rows and columns, in patches.
        indices: which patches these are, shape `(batch, tokens)`. Defaults to
            `None`: all of the clips.
        frozen_layers: int, frozen blocks, which get no gradient. Defaults to
            `0`.
        gradient: bool, whether gradients flow into the blocks that are not
            frozen. Defaults to `False`.

    Returns:
        dict from block to a tensor `(batch, tokens, hidden_dim)`. The output
        of the last block is that of the last norm, if the encoder has one.
    """
    if not layers:
        return {}
    positions = backends.constant(encoder.token_positions(grid), "int32")[None]
    if indices is not None:
        positions = ops.take(positions[0], indices, axis=0)
    # Stop before the embedding: otherwise autograd would record the trained
    # blocks for an unused gradient.
    tokens = encoder.embed(ops.stop_gradient(patches), positions, grid)
    outputs, done = {}, 0
    for layer in sorted({*layers, frozen_layers} - {0}):
        if layer > max(layers):
            break
        tokens = encoder(
            tokens, positions, first_layer=done, last_layer=layer, grid=grid
        )
        if not gradient or layer <= frozen_layers:
            tokens = ops.stop_gradient(tokens)
        outputs[layer], done = tokens, layer
        if layer == encoder.num_layers and encoder.output_norm is not None:
            outputs[layer] = encoder.output_norm(tokens)
    return {layer: outputs[layer] for layer in layers}
