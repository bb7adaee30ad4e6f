"""FLOPs of all steps of a run up to a step."""


def cumulative_flops(
    step: int, events: list, flops_at, batches_per_step: int = 1
) -> int:
    """FLOPs of the first `step` optimizer steps of a run.

    Args:
        step: int, optimizer steps done.
        events: list of `(step, frozen_layers)`, in order.
        flops_at: function of `frozen_layers`: FLOPs of one batch.
        batches_per_step: int, batches accumulated. Defaults to `1`.

    Example:

    >>> cumulative_flops(10, [(4, 1)], lambda frozen: 3 - frozen)
    24
    """
    total, begin, frozen = 0, 0, 0
    for event_step, event_frozen in [*events, (step, None)]:
        end = min(event_step, step)
        total += (end - begin) * flops_at(frozen)
        begin, frozen = end, event_frozen
        if end == step:
            break
    return total * batches_per_step
