"""Selects tokens of a clip by their index."""

from layerlock import backends


def take_tokens(tokens, indices, masks_per_clip=1):
    """Selects tokens of each clip by their index.

    Args:
        tokens: Shape `(batch, tokens, dim)`.
        indices: Shape `(batch * masks_per_clip, picked)`; the masks of one
            clip follow each other.
        masks_per_clip: int. Defaults to `1`.

    Output shape:
        `(batch * masks_per_clip, picked, dim)`.
    """
    picked, dim = indices.shape[1], tokens.shape[2]
    indices = backends.reshape(indices, (-1, masks_per_clip * picked))
    taken = backends.take_rows(tokens, indices)
    return backends.reshape(taken, (-1, picked, dim))
