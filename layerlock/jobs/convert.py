"""Converts encoders: from released weights, and to other programs."""

import dataclasses
import pathlib
from typing import Any

from layerlock.config import ConvertConfig, OptionError
from layerlock.data.names import readable
from layerlock.jobs.conversion import checking, hub, placing, reading
from layerlock.jobs.job import Job, JobError, Plan
from layerlock.models import exports
from layerlock.models.presets import num_parameters
from layerlock.runs import export_card, model_card, wording

# What an export may have beside its encoder, for a note.
_BESIDE = {
    "student": "The encoder that was trained, of which this one is the moving "
    "average,",
    "predictor": "The predictor",
    "readout": "The readout",
}


def start(config: ConvertConfig):
    """Checks a configuration; returns what writes the encoder."""
    conversion = build(config)
    out, export = conversion.out, conversion.export

    def work() -> pathlib.Path:
        with placing.draft(out) as folder:
            written = folder / out.resolve().name
            difference, notes = conversion.write(written)
            conversion.write_card(written, difference, notes)
            placing.place(written, out, export.suffix)
        print(f"{readable(out)}: {checked(export, difference)}.")
        for note in notes:
            print(f"Note: {note}")
        if conversion.push_to_hub:
            print(hub.push(out, conversion.files(), conversion.push_to_hub))
        return out

    return work


@dataclasses.dataclass(frozen=True)
class Conversion:
    """What is read and written.

    Args:
        source: the `reading.Source`.
        export: the `Export`.
        out: path of the result.
        layers: list of names of the layers that are exported, or compared.
        clip_type: str, of the clips of a program.
        run: the `RunDirectory` that the encoder comes from, or `None`.
        push_to_hub: str, of a repository, or `None`.
    """

    source: reading.Source
    export: exports.Export
    out: pathlib.Path
    layers: list
    clip_type: str
    run: Any
    push_to_hub: str | None

    @property
    def encoder(self):
        """The encoder that is exported."""
        return self.source.networks.encoder

    def write(self, path) -> tuple[float, list]:
        """Writes and checks an export; returns the difference, and notes."""
        export, layers, dtype = self.export, self.layers, self.clip_type
        try:
            notes = export.write(self.source.networks, path, layers, dtype)
            difference = checking.largest_difference(
                export, self.encoder, path, layers, dtype
            )
        except OSError:
            raise
        except Exception as error:  # of another program, with its own classes
            raise JobError(
                f"The export for {export.runtime} failed: "
                f"{type(error).__name__}: {error} Nothing was written."
            ) from error
        if not difference <= checking.LARGEST:
            raise JobError(
                f"{checked(export, difference).capitalize()}. Expected at "
                f"most {checking.LARGEST:.0e}. Nothing was written."
            )
        return difference, [*self.source.notes, *self._left_out(), *notes]

    def _left_out(self) -> list[str]:
        """What the format does not have, a sentence each."""
        return [
            f"{what} is left out: an export for {self.export.runtime} has none."
            for network, what in _BESIDE.items()
            if getattr(self.source.networks, network) is not None
            and network not in self.export.holds
        ]

    def write_card(self, path, difference: float, notes: list):
        """Writes the card of an export beside it."""
        card = placing.card_path(path, self.export.suffix)
        text = export_card.describe(
            path.name,
            self.encoder,
            self.export.usage(path.name, self.encoder, self.layers),
            {
                "from": self.source.name,
                **self.describe_program(),
                "checked": checked(self.export, difference),
            },
            notes,
            self.run,
        )
        model_card.place(card.parent, text, card.name, self.export.library)

    def describe_program(self) -> dict:
        """Input and output of a program; nothing for weights."""
        if not self.export.is_program:
            return {}
        names = ("frames", "height", "width")
        free = [names[axis] for axis in self.export.free_axes(self.encoder)]
        return {
            "input": f"`clips`: {self.clip_type}, values from 0 to 255, shape "
            "(batch, frames, height, width, 3), of any "
            f"{', '.join(['batch', *free])}",
            "output": f"{', '.join(self.layers)}: shape (batch, frames, rows, "
            f"columns, {self.encoder.hidden_dim}), counted in patches",
        }

    def files(self) -> list:
        """Files of an export with their names on the Hub; none of a folder."""
        if not self.export.suffix:
            return []
        card = placing.card_path(self.out, self.export.suffix)
        data = placing.weights_path(self.out)
        paths = {self.out: self.out.name, data: data.name, card: "README.md"}
        return [(path, name) for path, name in paths.items() if path.exists()]


def checked(export, difference: float) -> str:
    """The result of a check in words."""
    return (
        f"the features in {export.runtime} differ by {difference:.1e} of the "
        "largest one"
    )


def build(config: ConvertConfig) -> Conversion:
    """What a configuration asks for, read and checked."""
    section = config.resolve().conversion
    export, out = exports.get(section.to), pathlib.Path(section.out)
    export.check_installed()
    if section.push_to_hub:
        hub.check_ready()
    placing.check_free(out, export.suffix)
    source = reading.read(section)
    names = list(source.networks.encoder.layer_names)
    if export.is_program:
        names = chosen_layers(section.layers, names)
    return Conversion(
        source,
        export,
        out,
        names,
        section.clip_type,
        reading.run_of(section),
        section.push_to_hub,
    )


def chosen_layers(layers, names: list) -> list:
    """Names of the layers of a program: those that are named, or the last."""
    if layers is None:
        return names[-1:]
    for layer in layers:
        if layer not in names:
            raise OptionError(
                f"Unknown layer {layer!r} in `layers`. Expected some of "
                f"{names}."
            )
    return list(dict.fromkeys(layers))


def plan(config: ConvertConfig) -> Plan:
    """What would be read and written."""
    conversion = build(config)
    encoder, export = conversion.encoder, conversion.export
    layers, notes = conversion.layers, list(conversion.source.notes)
    count = num_parameters(**encoder.get_config())
    what = ", ".join(layers) if export.is_program else "all layers"
    lines = [
        f"{encoder.num_layers} blocks, {wording.count(count)} parameters.",
        f"{readable(conversion.out)} would have {what}, for {export.runtime}.",
        *(f"Note: {note}" for note in notes),
    ]
    facts = {
        "name": "convert plan",
        "num_parameters": count,
        "layers": layers,
        "notes": notes,
    }
    return Plan(config.resolve(), lines, facts)


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
