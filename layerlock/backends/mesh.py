"""The mesh of devices: a data axis and a model axis."""

import math

AXES = ("data", "model")


def sizes(distribution: str, mesh, num_devices: int) -> tuple[int, int]:
    """Devices along the data axis and along the model axis.

    Args:
        distribution: `"data"`, `"fsdp"` or `"model"`.
        mesh: one or two ints, or `None`: all devices along one axis.
        num_devices: int.

    Example:

    >>> sizes("fsdp", None, 8), sizes("model", None, 8)
    ((8, 1), (1, 8))
    """
    if mesh is None:
        mesh = (1, num_devices) if distribution == "model" else (num_devices,)
    return (*mesh, 1)[:2]


def refuse(distribution, mesh, batch_size, num_devices: int) -> str | None:
    """Why devices do not suit a distribution, or `None`.

    Args:
        distribution, mesh: as for `sizes`; `None` and `"none"` suit any.
        batch_size: int, clips of the global batch, or `None`: not checked.
        num_devices: int.
    """
    if distribution in (None, "none"):
        return None
    if num_devices < 2:
        return (
            f"distribution={distribution} needs at least 2 devices. "
            f"Received: {num_devices}. Use distribution=none."
        )
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
