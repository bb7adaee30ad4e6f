"""What the float8 products of all backends share."""

CAPABILITY = (8, 9)  # the first of a GPU whose kernels multiply float8
LEAST = 1e-30  # the largest number of a tensor of zeros


def refuse(capability) -> str | None:
    """The reason why a GPU has no kernels for it, or `None`.

    Args:
        capability: tuple of 2 ints, the compute capability of the GPU, or
            `None` without one.
    """
    if capability is None or tuple(capability) >= CAPABILITY:
        return None
    needed, found = (
        ".".join(map(str, one)) for one in (CAPABILITY, capability)
    )
    return (
        "matrix products in float8 need a GPU of compute capability "
        f"{needed} or more, such as an H100. This one has {found}. Use "
        "bfloat16."
    )
