"""Options of the job that converts encoders between formats."""

import pathlib

from layerlock.config import facts
from layerlock.config.option import OptionError, option
from layerlock.config.section import Section, section


@section
class ConversionConfig(Section):
    """The encoder that is read, and the format that it is written in."""

    title = "Conversion"

    from_: str = option(
        help="A run, an exported encoder, or released weights: a file, a "
        "folder, or hf://USER/NAME.",
    )
    out: str = option(
        help="The folder that is written; for onnx and torch the file.",
    )
    to: str = option(
        "layerlock",
        "Format that is written; layerlock is what every other job reads.",
        choices=facts.export_formats,
    )
    family: str | None = option(
        None,
        "Family of the released weights; not set: recognised by their names "
        "and shapes.",
        choices=facts.foreign_families,
    )
    family_args: dict = option(
        "",
        "What a file of released weights does not name: num_heads, "
        "predictor_heads, clip_shape or readout_heads, such as "
        "num_heads=16,clip_shape=(16,224,224).",
    )
    readout: str | None = option(
        None,
        "A file with an attentive probe of V-JEPA for this encoder, which is "
        "kept beside it.",
    )
    student: bool = option(
        False,
        "Of a run, or a file, with a teacher, take the encoder that was "
        "trained.",
    )
    layers: tuple | None = option(
        None,
        "Layers whose features a program computes, such as block_8,block_12; "
        "not set: the last one. For onnx, torch and tf.",
    )
    clip_type: str = option(
        "uint8",
        "Type of the clips that a program takes; values are from 0 to 255. "
        "For onnx, torch and tf.",
        choices=("uint8", "float32"),
    )
    push_to_hub: str | None = option(
        None,
        "USER/NAME of a repository of the Hugging Face Hub, to which the "
        "result is uploaded with its card; not set: nothing is uploaded.",
    )
    plan: bool = option(
        False, "Show the options and the encoder, and write nothing."
    )

    def check_together(self, config):
        if not facts.export_format(self.to).is_program:
            for name in ("layers", "clip_type"):
                if name in self.given:
                    raise OptionError(
                        f"`{name}` is for formats that compute features. "
                        f"Received: `to={self.to}`, which has the weights of "
                        "all layers. Leave it out."
                    )
        suffix = facts.export_format(self.to).suffix
        out = pathlib.Path(self.out)
        if suffix and out.suffix != suffix:
            raise OptionError(
                f"`out` must end in {suffix} with `to={self.to}`. Received: "
                f"`out={out}`. Take `out={out}{suffix}`."
            )
        if self.push_to_hub and self.push_to_hub.count("/") != 1:
            raise OptionError(
                "`push_to_hub` is the name of a repository, USER/NAME. "
                f"Received: push_to_hub={self.push_to_hub!r}."
            )
