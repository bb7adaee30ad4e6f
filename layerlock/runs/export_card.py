"""The model card of an encoder that was converted."""

import keras

from layerlock import backends
from layerlock.models.presets import num_parameters
from layerlock.runs import model_card, wording


def describe(
    name: str,
    encoder,
    usage: str,
    facts: dict,
    notes: tuple = (),
    run=None,
) -> str:
    """The card of a converted encoder in Markdown.

    Args:
        name: str, of the file or folder.
        encoder: the `VideoEncoder`.
        usage: str, Python code that loads it.
        facts: dict from heading to text: where it comes from, what it
            computes, and how it was checked.
        notes: tuple of str, what a user should know.
        run: the `RunDirectory` that the encoder comes from, or `None`.
    """
    lines = [
        f"# {name}",
        "",
        "A video encoder, converted by LayerLock.",
        "",
        "```python",
        usage,
        "```",
        "",
        *wording.table(("", ""), [*_rows(encoder), *facts.items()]),
        "",
        *(f"- {note}" for note in notes),
        "",
    ]
    if run is not None:
        lines += ["## Training", "", *model_card.training(run)]
    return "\n".join(lines)


def _rows(encoder) -> list:
    config = encoder.get_config()
    count = wording.count(num_parameters(**config))
    frames, rows, columns = encoder.clip_shape
    versions = {"keras": keras.__version__, **backends.versions()}
    return [
        ("encoder", f"{encoder.num_layers} blocks, {count} parameters"),
        ("clips", f"{frames} frames of {rows}x{columns}"),
        ("patches", "x".join(map(str, encoder.patch_size))),
        ("positions", encoder.positions),
        (
            "pixels",
            "divided by 255; then mean "
            f"{_numbers(encoder.pixel_mean)} is subtracted, and they are "
            f"divided by {_numbers(encoder.pixel_std)}",
        ),
        ("software", ", ".join(f"{k} {v}" for k, v in versions.items())),
    ]


def _numbers(value) -> str:
    values = value if isinstance(value, tuple) else (value,)
    return ", ".join(f"{number:g}" for number in values)
