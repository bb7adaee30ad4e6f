"""The weight of a loss on visible patches, as in V-JEPA 2.1."""

from keras import ops

from layerlock import backends


def nearness(visible, hidden):
    """One over the square root of the distance to the nearest hidden patch.

    Args:
        visible: int32, positions in patches. Shape `(batch, visible, 3)`.
        hidden: likewise, of the hidden patches.

    Output shape:
        `(batch, visible, 1)`, float32, between 0 and 1.

    Example:

    >>> visible, hidden = [[[0, 0, 0], [0, 0, 3]]], [[[0, 0, 4]]]
    >>> ops.convert_to_numpy(nearness(visible, hidden))[0, :, 0].tolist()
    [0.5, 1.0]
    """
    visible, hidden = (ops.cast(x, "float32") for x in (visible, hidden))
    squared = sum(  # one axis after another: less memory
        ops.square(visible[:, :, None, axis] - hidden[:, None, :, axis])
        for axis in range(3)
    )
    nearest = ops.amin(squared, axis=2)  # `min` breaks graphs of PyTorch
    return ops.rsqrt(ops.sqrt(nearest))[..., None]


def warmed_up(step, steps, begin, end):
    """Rises from 0 to 1 between two shares of a run.

    Args:
        step: optimizer updates done, an int or a scalar tensor.
        steps: int, optimizer updates of the run.
        begin: float, share of the run where it begins to rise.
        end: float, share from which on it is 1.

    Returns:
        A float32 scalar tensor.
    """
    progress = ops.cast(step, "float32") / float(steps)
    if begin == end:
        return ops.cast(progress >= end, "float32")
    share = (progress - begin) / (end - begin)
    zero, one = (backends.constant(x, "float32") for x in (0.0, 1.0))
    return ops.minimum(ops.maximum(share, zero), one)
