"""The tokens of a block whose outputs are computed: its queries."""

from keras import ops

from layerlock import backends


def number_and_indices(queries, tokens) -> tuple:
    """Returns `queries` as a number or as indices; the other is `None`.

    Args:
        queries: as for `TransformerBlock`.
        tokens: Shape `(batch, tokens, hidden_dim)`.
    """
    if not isinstance(queries, int):
        return None, queries
    if not 0 < queries <= (tokens.shape[1] or queries):
        raise ValueError(
            "`queries` counts tokens at the end. Expected 1 to "
            f"{tokens.shape[1]}, the number of tokens. Received: "
            f"queries={queries}."
        )
    return queries, None


def select(x, number, indices):
    """Selects queries among tokens; all if both are `None`.

    Args:
        x: Shape `(batch, tokens, dim)`.
        number: int, so many at the end, or `None`.
        indices: int32, shape `(batch, queries)`, or `None`.
    """
    if indices is not None:
        return backends.take_rows(x, indices)
    return x if number is None else x[:, -number:]


def select_angles(x, number, indices):
    """Selects the angles of queries in a table of all tokens.

    Args:
        x: Shape `(batch or 1, tokens, 1, head_dim)`.
        number, indices: as for `select`.
    """
    if indices is None:
        return select(x, number, None)
    if x.shape[0] == 1:
        return ops.take(x[0], indices, axis=0)
    return backends.take_rows(x[:, :, 0], indices)[:, :, None]
