"""The mesh of devices: a data axis and a model axis."""

import itertools
import math

AXES = ("data", "model")
_NUM_NAMED = 4


def sizes(distribution: str, mesh, num_devices: int) -> tuple[int, int]:
    """Devices along the data axis and along the model axis.

    Args:
        distribution: `"data"`, `"fsdp"` or `"model"`.
        mesh: one or two ints; empty or `None`: all devices along one axis.
        num_devices: int.

    Example:

    >>> sizes("fsdp", None, 8), sizes("model", (), 8)
    ((8, 1), (1, 8))
    """
    if not mesh:
        mesh = (1, num_devices) if distribution == "model" else (num_devices,)
    return (*mesh, 1)[:2]


def refuse(distribution, mesh, batch_size, num_devices: int) -> str | None:
    """Why devices do not suit a distribution, or `None`.

    One device suits any: it has the whole of what others have parts of.

    Args:
        distribution, mesh: as for `sizes`; `None` and `"none"` suit any.
        batch_size: int, clips of the global batch, or `None`: not checked.
        num_devices: int.
    """
    if distribution in (None, "none"):
        return None
    shape = sizes(distribution, mesh, num_devices)
    if math.prod(shape) != num_devices:
        return (
            f"mesh={','.join(map(str, shape))} has {math.prod(shape)} "
            f"devices. Received: {num_devices} devices. Leave `mesh` out, or "
            f"make its product {num_devices}."
        )
    if batch_size is not None and batch_size % shape[0]:
        return (
            f"batch_size={batch_size} cannot be split over {shape[0]} "
            "devices. Make it a multiple."
        )
    return None


def refuse_rows(rows: dict) -> str | None:
    """Why processes cannot read the rows of a batch, or `None`.

    Each process reads one block of rows. Several may read the same block,
    whose other devices have other parts of the weights.

    Args:
        rows: dict, from the number of a process to the rows of its devices: a
            set of `(first, end)`.

    Example:

    >>> refuse_rows({0: {(0, 2), (2, 4)}, 1: {(4, 6), (6, 8)}}) is None
    True
    """
    blocks = sorted({tuple(sorted(own)) for own in rows.values()})
    pieces = itertools.chain.from_iterable(blocks)
    is_gapless = all(
        one[1] == other[0] for one, other in itertools.pairwise(pieces)
    )
    if is_gapless and len({len(block) for block in blocks}) == 1:
        return None
    listed = "; ".join(
        f"process {process}: {_ranges(own)}"
        for process, own in sorted(rows.items())[:_NUM_NAMED]
    )
    return (
        "Each process must read one block of rows of a batch, as large as the "
        "blocks of the others and apart from them. Received the rows "
        f"{listed}{'; ...' * (len(rows) > _NUM_NAMED)}. Use as many devices in "
        "each process, and a `mesh` whose last number divides their number, "
        "or is a multiple of it."
    )


def _ranges(rows) -> str:
    """Writes sorted ranges, joined where they touch."""
    joined = []
    for first, end in sorted(rows):
        if joined and joined[-1][1] == first:
            first = joined.pop()[0]
        joined.append((first, end))
    return ", ".join(f"{first} to {end - 1}" for first, end in joined)
