"""Peak memory of a training step, from sizes alone."""

import dataclasses

from layerlock.core.costs.flops import StepSizes
from layerlock.core.costs.sizes import BlockSizes

FLOAT32 = 4  # bytes


@dataclasses.dataclass(frozen=True)
class StepMemory:
    """Peak memory of a training step, in bytes.

    An estimate: compilers may need less or more. Input clips, the program and
    memory that the device reserves are left out. Weights, gradients and
    optimizer slots are float32, also in mixed precision, which adds copies of
    the weights.

    Args:
        weights: of encoder, predictor and teacher, frozen or not.
        gradients: of the trained weights.
        slots: optimizer state of the trained weights.
        activations: tensors kept for the backward pass, with fused attention.
        copies: of the weights in mixed precision, kept for the backward pass.
            Defaults to `0`.
    """

    weights: int
    gradients: int
    slots: int
    activations: int
    copies: int = 0

    @property
    def peak(self) -> int:
        """The sum of all parts."""
        return sum(dataclasses.astuple(self))

    @classmethod
    def of(
        cls,
        sizes: StepSizes,
        frozen_layers: int = 0,
        target_layers: tuple = (0,),
        num_slots: int = 2,
        bytes_per_number: int = FLOAT32,
        float8: bool = False,
    ) -> "StepMemory":
        """Estimates the memory of a stage.

        Args:
            sizes: `StepSizes` of the model.
            frozen_layers: int. Defaults to `0`.
            target_layers: tuple of ints, 0 being the pixels. Defaults to
                `(0,)`.
            num_slots: int, optimizer slots per trained weight. Defaults to `2`,
                as for AdamW.
            bytes_per_number: int, of an activation: 2 in mixed precision.
                Defaults to `4`.
            float8: bool, whether matrices of blocks keep their inputs in
                float8. Defaults to `False`.

        Example:

        >>> from layerlock.core.costs.flops import BlockSizes
        >>> sizes = StepSizes(BlockSizes(4, 64, 256), 1, 96, 64, ((16, 48),))
        >>> StepMemory.of(sizes).gradients > StepMemory.of(sizes, 2).gradients
        True
        """
        trained = num_trained(sizes, frozen_layers, target_layers)
        copied = 0
        if bytes_per_number != FLOAT32:
            copied = num_copied(sizes, frozen_layers, target_layers)
        return cls(
            weights=FLOAT32 * num_weights(sizes, frozen_layers),
            gradients=FLOAT32 * trained,
            slots=FLOAT32 * trained * num_slots,
            activations=activation_bytes(
                sizes, frozen_layers, bytes_per_number, float8
            ),
            copies=bytes_per_number * copied,
        )


def num_weights(sizes: StepSizes, frozen_layers: int = 0) -> int:
    """Number of weights in encoder, predictor and teacher.

    Learned positions are left out.

    Args:
        sizes: `StepSizes` of the model.
        frozen_layers: int, blocks that a teacher shares. Defaults to `0`.
    """
    encoder = _encoder(sizes, sizes.encoder)
    teacher = num_fixed(sizes)
    if sizes.has_teacher:
        teacher = encoder - frozen_layers * sizes.encoder.block_weights
    latent_heads = sizes.num_latent_heads * _head(sizes, latent=True)
    heads = _head(sizes, latent=False) + latent_heads
    return encoder + teacher + _predictor(sizes) + heads


def num_fixed(sizes: StepSizes) -> int:
    """Number of weights of a fixed teacher; 0 without one."""
    teacher = sizes.fixed_teacher
    return 0 if teacher is None else _encoder(sizes, teacher)


def num_frozen(sizes: StepSizes, frozen_layers: int) -> int:
    """Number of weights of the encoder that do not change any more.

    Args:
        sizes: `StepSizes` of the model.
        frozen_layers: int; the embedding freezes with the first block.
    """
    if not frozen_layers:
        return 0
    blocks = frozen_layers * sizes.encoder.block_weights
    return num_embedding(sizes, sizes.encoder) + blocks


def num_embedding(sizes: StepSizes, stack: BlockSizes) -> int:
    """Number of weights that map a patch to a token.

    Args:
        sizes: `StepSizes` of the model.
        stack: `BlockSizes` of the encoder that has them.
    """
    return (sizes.patch_dim + 1) * stack.hidden_dim


def num_trained(
    sizes: StepSizes, frozen_layers: int = 0, target_layers: tuple = (0,)
) -> int:
    """Number of weights that are trained at a stage.

    Args:
        sizes: `StepSizes` of the model.
        frozen_layers: int. Defaults to `0`.
        target_layers: tuple of ints, 0 being the pixels. Defaults to `(0,)`.
    """
    encoder = _encoder(sizes, sizes.encoder) - num_frozen(sizes, frozen_layers)
    latents = sum(layer > 0 for layer in target_layers)
    heads = min(latents, sizes.num_latent_heads) * _head(sizes, latent=True)
    if 0 in target_layers:
        heads += _head(sizes, latent=False)
    return encoder + _predictor(sizes) + heads


def activation_bytes(
    sizes: StepSizes,
    frozen_layers: int = 0,
    bytes_per_number: int = FLOAT32,
    float8: bool = False,
) -> int:
    """Bytes of activations for the backward pass, with fused attention.

    Recomputed activations are held for one block at a time. Targets with a
    gradient are left out.

    Args:
        sizes: `StepSizes` of the model.
        frozen_layers: int. Defaults to `0`.
        bytes_per_number: int, 2 in mixed precision. Defaults to `4`.
        float8: bool, as for `StepMemory.of`. Defaults to `False`.
    """

    def of_block(stack, lengths, policy):
        found = stack.activations(*lengths, policy=policy) * bytes_per_number
        if float8:
            found -= stack.saved_by_float8(*lengths, policy=policy)
        return found

    total = recomputed = 0
    for stack, policy, lengths in _trained_blocks(sizes, frozen_layers):
        kept = of_block(stack, lengths, policy)
        total += kept
        recomputed = max(recomputed, of_block(stack, lengths, "none") - kept)
    if sizes.projector:
        total += bytes_per_number * sum(
            sizes.projector.activations(visible) for visible, _ in sizes.masks
        )
    sequences = sizes.batch_size * sizes.masks_per_clip
    return sequences * (total + recomputed)


def num_copied(
    sizes: StepSizes, frozen_layers: int = 0, target_layers: tuple = (0,)
) -> int:
    """Number of weights in the copies that mixed precision keeps.

    In mixed precision, a layer computes with a copy of its matrix. The
    gradient of the layer's input needs it, so that it lives until then, also
    with rematerialisation. Copies of the patch embedding, of frozen blocks and
    of a teacher are freed at once. Every kind of mask has copies of its own.
    XLA may merge them.

    Args:
        sizes: `StepSizes` of the model.
        frozen_layers: int. Defaults to `0`.
        target_layers: tuple of ints, 0 being the pixels. Defaults to `(0,)`.
    """
    blocks = sum(
        stack.block_kernels
        for stack, _, _ in _trained_blocks(sizes, frozen_layers)
    )
    if sizes.projector:
        once = sizes.projector.num_kernels
    else:
        once = sum(_head_kernel(sizes, layer > 0) for layer in target_layers)
    if sizes.predictor:
        once += sizes.encoder.hidden_dim * sizes.predictor.hidden_dim
    return blocks + len(sizes.masks) * once


def _trained_blocks(sizes, frozen_layers):
    """Yields each call of a block with a gradient, for all kinds of masks.

    Its sizes, its policy of rematerialisation, and the arguments of
    `BlockSizes.activations`.
    """
    encoder = sizes.encoder
    for visible, decoded in sizes.masks:
        tokens = visible + decoded
        for block in range(frozen_layers, encoder.num_layers):
            lengths = (visible,) if block < sizes.num_encoding else (tokens,)
            if sizes.num_decoder_layers and block == encoder.num_layers - 1:
                lengths = tokens, decoded
            policy = sizes.remat[block] if sizes.remat else "none"
            yield encoder, policy, lengths
        if sizes.predictor:
            predicted = sizes.num_predicted(visible, decoded)
            for policy, queries in sizes.predictor_blocks(predicted):
                yield sizes.predictor, policy, (tokens, queries)


def _encoder(sizes, stack):
    return num_embedding(sizes, stack) + _blocks(stack)


def _blocks(stack):
    return stack.num_layers * stack.block_weights


def _predictor(sizes):
    """Number of weights of a predictor without its heads."""
    if sizes.projector:
        return sizes.projector.num_weights
    width = sizes.encoder.hidden_dim
    if sizes.predictor is None:
        return width  # the mask token
    inner = sizes.predictor.hidden_dim
    norms = 2 * width + 2 * inner
    mask_tokens = len(sizes.masks) * inner
    return norms + mask_tokens + (width + 1) * inner + _blocks(sizes.predictor)


def _head(sizes, latent):
    if sizes.projector:
        return 0
    return _head_kernel(sizes, latent) + _head_outputs(sizes, latent)


def _head_kernel(sizes, latent):
    tokens = sizes.predictor or sizes.encoder
    return tokens.hidden_dim * _head_outputs(sizes, latent)


def _head_outputs(sizes, latent):
    number = 2 if sizes.predicts_visible else 1
    dim = sizes.target_encoder.hidden_dim if latent else sizes.patch_dim
    return number * dim
