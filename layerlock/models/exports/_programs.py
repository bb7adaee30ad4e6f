"""Programs of an encoder, traced by PyTorch on whatever backend it is."""

from layerlock.models import portable
from layerlock.models.patches import AXES


def trace(encoder, layers: list, dtype: str):
    """Traces the features of chosen layers.

    Args:
        encoder: a `VideoEncoder`.
        layers: list of names; blocks above the last of them are left out.
        dtype: str, of the clips: `"uint8"` or `"float32"`.

    Returns:
        A `torch.export.ExportedProgram`.
    """
    from layerlock.backends.torch.portable import programs

    numbers = {name: encoder.layer_names.index(name) for name in layers}
    last = max(numbers.values())
    config = portable.arguments(encoder)
    config["num_layers"] = min(last, encoder.num_layers)
    config["final_norm"] = last > encoder.num_layers
    program = programs.build(config, portable.to_arrays(encoder, last), numbers)
    axes = free_axes(encoder)
    return programs.trace(program, encoder.clip_shape, axes, dtype)


def free_axes(encoder) -> tuple:
    """The axes along which a program takes clips of any number of patches.

    PyTorch specialises a program on an axis with a single patch.
    """
    return tuple(
        axis for axis, patches in enumerate(encoder.grid()) if patches > 1
    )


def notes(encoder) -> list[str]:
    """What a user of a program should know."""
    fixed = [
        f"{encoder.clip_shape[axis]} {name}"
        for axis, name in enumerate(AXES)
        if axis not in free_axes(encoder)
    ]
    if not fixed:
        return []
    return [f"Clips of the program have {' and '.join(fixed)}, one patch."]
