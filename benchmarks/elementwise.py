"""What a compiled step computes beside its matrix products.

`core.costs.flops` counts matrix products, which is what is usually meant by the
FLOPs of a model. A compiler also counts sums, activations, normalisations and
the optimizer; in a narrow network that is a tenth of the step. How often it
counts a number depends on how it writes an error function or repeats work in
fused loops: the constants were fitted to XLA on a CPU (JAX 0.10) over 26 small
masked auto-encoders, and checked on 16 other steps, V-JEPA's too.
"""

from layerlock.core.costs import memory
from layerlock.core.costs.flops import BlockSizes, StepSizes

# Operations per number, forward alone and with the gradient.
_FORWARD = {"width": 60, "mlp": 40, "pair": 9}
_TRAINED = {"width": 250, "mlp": 77, "pair": 17}
_UPDATED = 18  # per trained weight: AdamW and the gradient's norm
_PREDICTED = 40  # per predicted number: target, error and its gradient
_PROJECTED = 30  # per number that a projector normalises and averages
_READ = 2  # per pixel


def step_flops(
    sizes: StepSizes, frozen_layers: int = 0, target_layers: tuple = (0,)
) -> int:
    """Operations of one batch that are no matrix products.

    Targets with a gradient are counted without it.

    Args:
        sizes: `StepSizes` of the model.
        frozen_layers: int. Defaults to `0`.
        target_layers: tuple of ints, 0 being the pixels; empty with a
            projector. Defaults to `(0,)`.

    Example:

    >>> tiny = BlockSizes(12, 192, 768, num_heads=3)
    >>> sizes = StepSizes(tiny, 4, 384, 512, masks=((26, 486),))
    >>> round(step_flops(sizes) / sizes.step_flops(), 2)
    0.05
    """
    encoder, trained = sizes.encoder, sizes.num_encoding - frozen_layers
    per_mask = 0
    for visible, decoded in sizes.masks:
        together = visible + decoded
        per_mask += frozen_layers * _block(encoder, visible, _FORWARD)
        per_mask += trained * _block(encoder, visible, _TRAINED)
        if sizes.predictor:
            blocks, number = sizes.predictor, sizes.predictor.num_layers
        else:
            blocks, number = encoder, sizes.num_decoder_layers
        per_mask += number * _block(blocks, together, _TRAINED)
        if sizes.projector:
            width, inner = sizes.projector.hidden_dim, sizes.projector.mlp_dim
            per_mask += _PROJECTED * visible * width + _TRAINED["mlp"] * inner
        for layer in target_layers:
            latent = sizes.target_encoder.hidden_dim
            width = latent if layer else sizes.patch_dim
            per_mask += _PREDICTED * decoded * width
    per_clip = _READ * sizes.num_tokens * sizes.patch_dim
    for num_tokens in sizes.target_passes:
        blocks = max(target_layers, default=0)
        per_clip += blocks * _block(sizes.target_encoder, num_tokens, _FORWARD)
    weights = memory.num_trained(sizes, frozen_layers, target_layers)
    batch = per_mask * sizes.masks_per_clip + per_clip
    return sizes.batch_size * batch + _UPDATED * weights


def _block(stack: BlockSizes, num_tokens: int, counts: dict) -> int:
    per_token = counts["width"] * stack.hidden_dim
    per_token += counts["mlp"] * stack.mlp_dim
    pairs = stack.num_heads * num_tokens**2
    return num_tokens * per_token + counts["pair"] * pairs
