"""Reads the encoder that is converted, whoever wrote it."""

import dataclasses
import pathlib

from layerlock import json_files, plugins
from layerlock.config import OptionError, facts
from layerlock.evaluation import encoders
from layerlock.models import (
    exported,
    exports,
    foreign,
    stored,
    stored_predictor,
    stored_readout,
)
from layerlock.models.video_encoder import VideoEncoder
from layerlock.runs.directory import RunDirectory


@dataclasses.dataclass(frozen=True)
class Source:
    """What was read.

    Args:
        networks: the encoder, and what was beside it.
        name: str, what was read, in words.
        notes: tuple of str, what a user should know.
    """

    networks: exports.Networks
    name: str
    notes: tuple = ()


def read(section) -> Source:
    """Reads an encoder, and what lies beside it.

    Args:
        section: the `ConversionConfig`, resolved.

    Raises:
        ValueError: if there is no encoder, or it cannot be expressed.
    """
    place = foreign.local_path(section.from_)
    if section.family is None and is_ours(place):
        return _with_readout(_read_ours(section, place), section)
    return _with_readout(_read_foreign(section), section)


def _with_readout(source, section) -> Source:
    """Adds the probe that `readout` names, in place of another."""
    if section.student:
        return _without_readout(source, section)
    if section.readout is None:
        return source
    arguments = _arguments(section.family_args)
    readout, notes = foreign.read_readout(
        section.readout, source.networks.encoder, arguments.get("readout_heads")
    )
    networks = dataclasses.replace(source.networks, readout=readout)
    notes = (
        f"The readout is that of {section.readout}.",
        *notes,
        "Its file does not name its classes: they are in the order of the "
        "original.",
    )
    return Source(networks, source.name, (*source.notes, *notes))


def _without_readout(source, section) -> Source:
    """A student: its readout would be one that has read the teacher."""
    if section.readout is not None:
        raise OptionError(
            "Probes are trained on the moving average. Received: `student` and "
            f"`readout={section.readout}`. Leave one of them out."
        )
    if source.networks.readout is None:
        return source
    networks = dataclasses.replace(source.networks, readout=None)
    note = "The readout is left out: it reads the moving average."
    return Source(networks, source.name, (*source.notes, note))


def _read_foreign(section) -> Source:
    arguments = _arguments(section.family_args)
    arguments.pop("readout_heads", None)
    found = foreign.read(section.from_, section.family, **arguments)
    if section.student and found.teacher is None:
        raise OptionError(
            f"`from_={section.from_}` has one encoder only. Leave `student` "
            "out."
        )
    has_student = found.teacher is not None and not section.student
    networks = exports.Networks(
        found.encoder if section.student else found.exported_encoder,
        found.encoder if has_student else None,
        found.predictor,
        found.readout,
    )
    name = f"{found.source.family} weights, {found.source.path}"
    return Source(networks, name, tuple(found.notes))


def _read_ours(section, place) -> Source:
    if set(_arguments(section.family_args)) - {"readout_heads"}:
        raise OptionError(
            "`family_args` are for released weights. Received: "
            f"`from_={section.from_}`, which names its sizes. Leave them out."
        )
    student = place / exports.STUDENT
    if facts.is_run(place) or not student.is_dir():
        encoder = encoders.load(place, student=section.student, dtype="float32")
        student = None
    else:  # imported weights with a moving average
        encoder = encoders.load(
            student if section.student else place, dtype="float32"
        )
        student = None if section.student else encoders.load(student)
    if not isinstance(encoder, VideoEncoder):
        raise OptionError(
            "Raw pixels have no weights. Received: "
            f"`from_={section.from_}`. Pass an encoder."
        )
    predictor = stored_predictor.load(place)
    readout = stored_readout.load(place)
    networks = exports.Networks(encoder, student, predictor, readout)
    return Source(networks, section.from_)


class FamilyArguments:
    """What a file of released weights may leave out.

    Args:
        num_heads: int, attention heads of the encoder.
        predictor_heads: int, attention heads of the predictor.
        clip_shape: tuple of 3 ints, frames, rows and columns of a clip.
        readout_heads: int, attention heads of the probe that `readout` names.
    """

    def __init__(
        self,
        num_heads=None,
        predictor_heads=None,
        clip_shape=None,
        readout_heads=None,
    ):
        self.readout_heads = readout_heads
        self.num_heads = num_heads
        self.predictor_heads = predictor_heads
        self.clip_shape = clip_shape


def _arguments(given) -> dict:
    if isinstance(given, str):
        return plugins.parse_arguments(given, FamilyArguments)
    return plugins.check_arguments(given, FamilyArguments)


def is_ours(path: pathlib.Path) -> bool:
    """Whether LayerLock wrote an encoder, or is asked for a random one."""
    if str(path).partition(":")[0] in encoders.BASELINES:
        return True
    folder = exported.readable_path(path)
    if folder.suffix == ".keras" or facts.is_run(folder):
        return True
    if (folder / "finetune.json").exists():
        return True
    try:
        content = json_files.read(folder / exported.CONFIG)
    except (OSError, ValueError):
        return False
    return content.get("class_name") == stored.CLASS_NAME


def run_of(section) -> RunDirectory | None:
    """The run that an encoder comes from, or `None`."""
    if not facts.is_run(section.from_):
        return None
    return RunDirectory.open(section.from_)
