"""The target pass: outputs of encoder layers, used as targets."""

import contextlib

from keras import ops

from layerlock import backends
from layerlock.core.pretraining.tokens import take_tokens

# The input of the pass: the whole clip, or the visible and scored patches.
CONTEXTS = ("clip", "scored")


class TargetPass:
    """Outputs of the target layers at the scored patches of a batch.

    The last block computes outputs at the scored patches only, unless the masks
    of a clip together score at least as many patches as it has.

    Args:
        encoder: the `VideoEncoder` that computes the targets.
        layers: tuple of ints, 0 being the pixels.
        patches: Shape `(batch, tokens, patch_dim)`, all patches of the clips.
        pairs: for each kind of mask, token indices of the visible and of the
            hidden patches that are scored. Shape of each
            `(batch * masks_per_clip, picked)`.
        grid: Frames, rows and columns, in patches.
        context: one of `CONTEXTS`. With `"clip"` the masks of a clip share
            one pass; with `"scored"` each mask needs its own.
        masks_per_clip: int.
        frozen_layers: int, see `layer_outputs`. Defaults to `0`.
        gradient: bool, see `layer_outputs`. Defaults to `False`.
        with_visible: bool, whether the visible patches are scored, too, before
            the hidden ones. Defaults to `False`.
    """

    def __init__(
        self,
        encoder,
        layers,
        patches,
        pairs,
        grid,
        context,
        masks_per_clip,
        frozen_layers=0,
        gradient=False,
        with_visible=False,
    ):
        self.layers = layers
        self.patches = patches
        self.pairs = pairs
        self.scored = [
            ops.concatenate(pair, axis=1) if with_visible else pair[1]
            for pair in pairs
        ]
        self.masks_per_clip = masks_per_clip
        self._outputs = lambda patches, indices, queries: layer_outputs(
            encoder,
            patches,
            [layer for layer in layers if layer],
            grid,
            indices,
            frozen_layers,
            gradient,
            queries,
        )
        if not any(layers):
            self._latents = [{}] * len(pairs)
        elif context == "clip":
            self._latents = self._of_clips()
        else:
            self._latents = self._of_scored()

    def at(self, kind: int) -> dict:
        """Returns the output of each target layer, in their order.

        Args:
            kind: int, index of the mask in `pairs`.

        Returns:
            dict from layer to a tensor
            `(batch * masks_per_clip, scored, dim)`.
        """
        outputs = self._latents[kind]
        if 0 in self.layers:
            pixels = self._take(self.patches, self.scored[kind])
            outputs = {0: pixels, **outputs}
        return {layer: outputs[layer] for layer in self.layers}

    def _of_clips(self) -> list:
        """Latents at the scored patches of each kind, in one pass."""
        scored = self.scored
        counts = [indices.shape[1] * self.masks_per_clip for indices in scored]
        if sum(counts) >= self.patches.shape[1]:
            whole = self._outputs(self.patches, None, None)
            last = None
        else:
            # (batch, scored patches of all masks, kind by kind)
            queries = ops.concatenate(
                [
                    ops.reshape(indices, (-1, count))
                    for indices, count in zip(scored, counts, strict=True)
                ],
                axis=1,
            )
            whole = self._outputs(self.patches, None, queries)
            last = max(whole)
            values = whole.pop(last)
        found, begin = [], 0
        for indices, count in zip(scored, counts, strict=True):
            one = {k: self._take(x, indices) for k, x in whole.items()}
            if last is not None:
                part = values[:, begin : begin + count]
                shape = (-1, indices.shape[1], values.shape[2])
                one[last] = ops.reshape(part, shape)
            found.append(one)
            begin += count
        return found

    def _of_scored(self) -> list:
        """Latents at the scored patches of each kind, one pass per mask."""
        found = []
        for pair, scored in zip(self.pairs, self.scored, strict=True):
            seen = ops.concatenate(pair, axis=1)
            number = scored.shape[1]
            outputs = self._outputs(
                self._take(self.patches, seen), seen, number
            )
            found.append({k: x[:, -number:] for k, x in outputs.items()})
        return found

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
    queries=None,
) -> dict:
    """Computes the outputs of some blocks, in one pass.

    Args:
        encoder: a `VideoEncoder`.
        patches: Shape `(batch, tokens, patch_dim)`.
        layers: list of ints, the blocks, from 1 on.
        grid: Frames, rows and columns, in patches.
        indices: token indices of the patches, shape `(batch, tokens)`.
            Defaults to `None`: all patches of the clips.
        frozen_layers: int, frozen blocks, which get no gradient. Defaults to
            `0`.
        gradient: bool, whether gradients flow into the blocks that are not
            frozen. Defaults to `False`.
        queries: tokens at which the deepest of these blocks computes outputs,
            see `TransformerBlock`. Defaults to `None`: all.

    Returns:
        dict from block to a tensor `(batch, tokens, hidden_dim)`; the deepest
        block has as many tokens as `queries`. The encoder's last norm, if it
        has one, is applied to the output of its last block.
    """
    if not layers:
        return {}
    positions = backends.constant(encoder.token_positions(grid), "int32")
    if indices is None:
        positions = positions[None]
    else:
        positions = backends.take(positions, indices)
    # Stop before the embedding: otherwise autograd would record the trained
    # blocks for an unused gradient.
    with _gradient_if(gradient and not frozen_layers):
        tokens = encoder.embed(ops.stop_gradient(patches), positions, grid)
    outputs, done = {}, 0
    for layer in sorted({*layers, frozen_layers} - {0}):
        if layer > max(layers):
            break
        learns = gradient and layer > frozen_layers
        with _gradient_if(learns):
            tokens = backends.call_layer(
                encoder,
                tokens,
                positions,
                first_layer=done,
                last_layer=layer,
                grid=grid,
                queries=queries if layer == max(layers) else None,
            )
        if not learns:
            tokens = ops.stop_gradient(tokens)
        outputs[layer], done = tokens, layer
        if layer == encoder.num_layers and encoder.output_norm is not None:
            outputs[layer] = encoder.output_norm(tokens)
    return {layer: outputs[layer] for layer in layers}


def _gradient_if(needed):
    return contextlib.nullcontext() if needed else backends.without_gradient()
