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
        blocks, number = sizes.decoder
        if number:  # a projector has no blocks
            per_mask += (number - 1) * _block(blocks, together, _TRAINED)
            per_mask += _block(blocks, together, _TRAINED, decoded)
        if sizes.projector:
            width, inner = sizes.projector.hidden_dim, sizes.projector.mlp_dim
            per_mask += _PROJECTED * visible * width + _TRAINED["mlp"] * inner
        for layer in target_layers:
            latent = sizes.target_encoder.hidden_dim
            width = latent if layer else sizes.patch_dim
            per_mask += _PREDICTED * decoded * width
    per_clip = _READ * sizes.num_tokens * sizes.patch_dim
    teacher, deepest = sizes.target_encoder, max(target_layers, default=0)
    for num_tokens, num_queries in sizes.target_passes if deepest else ():
        per_clip += (deepest - 1) * _block(teacher, num_tokens, _FORWARD)
        per_clip += _block(teacher, num_tokens, _FORWARD, num_queries)
    weights = memory.num_trained(sizes, frozen_layers, target_layers)
    batch = per_mask * sizes.masks_per_clip + per_clip
    return sizes.batch_size * batch + _UPDATED * weights


def _block(
    stack: BlockSizes, num_tokens: int, counts: dict, num_queries=None
) -> int:
    """Half of the work on tokens comes before queries differ from others."""
    if num_queries is None:
        num_queries = num_tokens
    width = counts["width"] * stack.hidden_dim * (num_tokens + num_queries) // 2
    mlp = counts["mlp"] * stack.mlp_dim * num_queries
    pairs = stack.num_heads * num_tokens * num_queries
    return width + mlp + counts["pair"] * pairs
