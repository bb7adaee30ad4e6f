"""FLOPs and memory of the jobs that judge an encoder, before they start."""

import math

from layerlock.core.costs.flops import BlockSizes, StepSizes
from layerlock.core.costs.memory import FLOAT32
from layerlock.runs import wording

SPLITS = ("train", "validation", "test")


def of_features(encoder, task, layer: int) -> tuple[list, dict]:
    """What the features of a task cost.

    Args:
        encoder: a `VideoEncoder`, or `Pixels`.
        task: the `Task`.
        layer: int, the block that is read.

    Returns:
        Lines of text, and a dict for programs.
    """
    counts = {split: len(task.examples(split)) for split in SPLITS}
    total, flops = sum(counts.values()), 0
    grid = _grid(encoder, task)
    if encoder.num_layers:
        blocks = min(layer, encoder.num_layers)  # a norm may be one more
        flops = total * clip_flops(encoder, grid, blocks)
    size = total * math.prod(grid) * encoder.hidden_dim * FLOAT32
    lines = [
        f"{', '.join(f'{n} {split}' for split, n in counts.items())} examples",
        f"Features of {_layer_name(encoder, layer)}: "
        f"{wording.scaled(flops, 'FLOPs')}, "
        f"{wording.memory(size)} before the readout pools them.",
        "Matrix products of the encoder are counted, without the readout.",
    ]
    return lines, {
        "name": "probe plan",
        "examples": counts,
        "layer": layer,
        "flops": flops,
        "feature_bytes": size,
    }


def _layer_name(encoder, layer: int) -> str:
    if layer > encoder.num_layers:
        return "the last norm"
    return f"block {layer}"


def of_finetuning(encoder, task, schedule, training) -> tuple[list, dict]:
    """What the steps of a fine-tuning cost.

    Args:
        encoder: a `VideoEncoder`.
        task: the `Task`.
        schedule: a `FreezeSchedule`.
        training: the section of the optimizer, resolved.

    Returns:
        Lines of text, and a dict for programs.
    """
    grid, steps = _grid(encoder, task), training.steps
    forward = clip_flops(encoder, grid, encoder.num_layers)

    def step_flops(frozen: int) -> int:
        kept = clip_flops(encoder, grid, frozen) if frozen else 0
        return training.batch_size * (kept + 3 * (forward - kept))

    events = [(0, 0), *schedule.events(steps - 1), (steps, None)]
    flops = sum(
        (last - first) * step_flops(frozen)
        for (first, frozen), (last, _) in zip(events, events[1:], strict=False)
    )
    unfrozen = steps * step_flops(0)
    weights = FLOAT32 * sum(math.prod(v.shape) for v in encoder.variables)
    tokens = training.batch_size * math.prod(grid)
    kept = encoder.num_layers * _blocks(encoder).activations(tokens)
    activations = FLOAT32 * kept
    memory = 4 * weights + activations
    lines = [
        f"{wording.scaled(flops, 'FLOPs')} in {steps} steps, "
        f"{flops / unfrozen - 1:+.1%} of a fine-tuning without freezes.",
        f"Peak memory {wording.memory(memory)}, an estimate: weights, "
        "gradients, two optimizer slots and activations, before a freeze.",
        "Matrix products of the encoder are counted, without the readout.",
    ]
    return lines, {
        "name": "finetune plan",
        "flops": flops,
        "flops_unfrozen": unfrozen,
        "peak_memory_bytes": memory,
    }


def clip_flops(encoder, grid, num_layers: int) -> int:
    """FLOPs of a forward pass of one clip through some blocks.

    Args:
        encoder: a `VideoEncoder`.
        grid: Patches of a clip along frames, rows and columns.
        num_layers: int, blocks.
    """
    tokens = math.prod(grid)
    blocks = _blocks(encoder)
    embedding = StepSizes(blocks, 0, encoder.patch_dim, tokens, masks=())
    return embedding.embedding_flops(tokens) + num_layers * blocks.block_flops(
        tokens
    )


def _blocks(encoder) -> BlockSizes:
    return BlockSizes(encoder.num_layers, encoder.hidden_dim, encoder.mlp_dim)


def _grid(encoder, task) -> tuple:
    sizes = (task.frames, task.size, task.size)
    return tuple(
        pixels // patch
        for pixels, patch in zip(sizes, encoder.patch_size, strict=True)
    )
