"""Selects tokens of a clip by their index."""

from keras import ops


def take_tokens(tokens, indices, masks_per_clip=1):
    """Selects tokens of each clip by their index.

    It gathers whole rows of the flattened batch, which is faster than a gather
    of single values on every backend.

    Args:
        tokens: Shape `(batch, tokens, dim)`.
        indices: Shape `(batch * masks_per_clip, picked)`; the masks of one
            clip follow each other.
        masks_per_clip: int. Defaults to `1`.

    Output shape:
        `(batch * masks_per_clip, picked, dim)`.
    """
    num_tokens, dim = tokens.shape[1:]
    clip = ops.arange(ops.shape(indices)[0], dtype="int32") // masks_per_clip
    rows = ops.reshape(tokens, (-1, dim))
    return ops.take(rows, indices + clip[:, None] * num_tokens, axis=0)
