"""Converts encoders: from released weights, and to other programs."""

import pathlib

from layerlock.config import ConvertConfig, OptionError
from layerlock.data.names import readable
from layerlock.jobs.conversion import checking, hub, placing, reading
from layerlock.jobs.job import Job, JobError, Plan
from layerlock.models import exports
from layerlock.models.presets import num_parameters
from layerlock.runs import export_card, model_card, wording


def start(config: ConvertConfig):
    """Checks a configuration; returns what writes the encoder."""
    config, export, source, layers = build(config)
    section = config.conversion
    out = pathlib.Path(section.out)

    def work() -> pathlib.Path:
        dtype, networks = section.clip_type, source.networks
        with placing.draft(out) as folder:
            written = folder / out.name
            notes = export.write(networks, written, layers, dtype)
            notes = [*source.notes, *notes]
            difference = checking.largest_difference(
                export, networks.encoder, written, layers, dtype
            )
            if not difference <= checking.LARGEST:
                raise JobError(
                    f"The features in {export.runtime} differ by "
                    f"{difference:.1e} of the largest one. Expected at most "
                    f"{checking.LARGEST:.0e}. Nothing was written."
                )
            facts = describe(export, source, layers, dtype, difference)
            write_card(config, export, source, facts, notes, written)
            placing.place(written, out, export.suffix)
        print(
            f"{readable(out)}: the features in {export.runtime} differ by "
            f"{difference:.1e} of the largest one."
        )
        for note in notes:
            print(f"Note: {note}")
        if section.push_to_hub:
            print(hub.push(out, files(out, export), section.push_to_hub))
        return out

    return work


def build(config: ConvertConfig):
    """The resolved configuration, its format, encoder and layers, checked."""
    config = config.resolve()
    section = config.conversion
    export = exports.get(section.to)
    export.check_installed()
    if section.push_to_hub:
        hub.check_installed()
    placing.check_free(pathlib.Path(section.out), export.suffix)
    source = reading.read(section)
    return config, export, source, chosen_layers(section, export, source)


def chosen_layers(section, export, source) -> list:
    """Names of the layers whose features are exported, or compared."""
    names = list(source.networks.encoder.layer_names)
    if not export.is_program:
        return names
    if section.layers is None:
        return names[-1:]
    for layer in section.layers:
        if layer not in names:
            raise OptionError(
                f"Unknown layer {layer!r} in `layers`. Expected some of "
                f"{names}."
            )
    return list(dict.fromkeys(section.layers))


def describe(export, source, layers, dtype, difference) -> dict:
    """Where an export comes from, what it computes, how it was checked."""
    encoder, facts = source.networks.encoder, {"from": source.name}
    if export.is_program:
        names = ("batch", "frames", "height", "width")
        free = [0, *(1 + axis for axis in export.free_axes(encoder))]
        facts["input"] = (
            f"`clips`: {dtype}, values from 0 to 255, shape (batch, frames, "
            f"height, width, 3), of any {', '.join(names[n] for n in free)}"
        )
        facts["output"] = (
            f"{', '.join(layers)}: shape (batch, frames, rows, columns, "
            f"{encoder.hidden_dim}), counted in patches"
        )
    facts["checked"] = (
        f"in {export.runtime}: the features differ by {difference:.1e} of the "
        "largest one"
    )
    return facts


def write_card(config, export, source, facts, notes, written):
    """Writes the card of an export beside it."""
    section, encoder = config.conversion, source.networks.encoder
    layers = chosen_layers(section, export, source)
    text = export_card.describe(
        written.name,
        encoder,
        export.usage(written.name, encoder, layers),
        facts,
        notes,
        reading.run_of(section),
    )
    path = placing.card_path(written, export.suffix)
    model_card.place(path.parent, text, path.name, export.library)


def files(out: pathlib.Path, export) -> list:
    """The files of an export with their names on the Hub; none of a folder."""
    if not export.suffix:
        return []
    card = placing.card_path(out, export.suffix)
    data = placing.weights_path(out)
    names = [(out, out.name), (data, data.name), (card, model_card.NAME)]
    return [(path, name) for path, name in names if path.exists()]


def plan(config: ConvertConfig) -> Plan:
    """What would be read and written."""
    config, export, source, layers = build(config)
    encoder = source.networks.encoder
    count = num_parameters(**encoder.get_config())
    what = ", ".join(layers) if export.is_program else "all layers"
    lines = [
        f"{encoder.num_layers} blocks, {wording.count(count)} parameters.",
        f"{readable(config.conversion.out)} would have {what}, for "
        f"{export.runtime}.",
        *(f"Note: {note}" for note in source.notes),
    ]
    facts = {
        "name": "convert plan",
        "num_parameters": count,
        "layers": layers,
        "notes": list(source.notes),
    }
    return Plan(config, lines, facts)


convert = Job(
    "convert",
    ConvertConfig,
    start,
    plan,
    """Converts an encoder: from released weights, and to other programs.

    `from_` is a run, an exported encoder, or released weights of a known
    family. Without `to`, the folder that is written is read by every job. Other
    formats are weights for other programs, or programs that compute the
    features of chosen layers. Every export is loaded by the program that it is
    for, and its features are compared with the encoder's. A card is written
    beside it. Nothing is overwritten.

    Args:
        config: a `ConvertConfig`; options by name change it. Defaults to
            `None`: options alone.
        **options: see the reference of options; `from_` and `out` must be
            set.

    Returns:
        Path of the folder or file, or with `plan=True` a `Plan`.

    Raises:
        ValueError: if options do not fit each other, or the encoder.
        ImportError: if the format needs a package that is not installed.
        JobError: if features differ by more than 1e-4 of the largest one.

    Example:

    ```python
    layerlock.convert(from_="runs/b", to="safetensors", out="weights")
    ```
    """,
)
