"""Reads the encoder that is converted, whoever wrote it."""

import dataclasses

from layerlock import json_files
from layerlock.config import OptionError, facts
from layerlock.evaluation import encoders
from layerlock.models import exported, exports, foreign, stored
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
    """Reads an encoder.

    Args:
        section: the `ConversionConfig`, resolved.

    Raises:
        ValueError: if there is no encoder, or it cannot be expressed.
    """
    if section.family is None and is_ours(section.from_):
        encoder = encoders.load(
            section.from_, student=section.student, dtype="float32"
        )
        if not isinstance(encoder, VideoEncoder):
            raise OptionError(
                "Raw pixels have no weights. Received: "
                f"`from_={section.from_}`. Pass an encoder."
            )
        return Source(exports.Networks(encoder), section.from_)
    found = foreign.read(section.from_, section.family)
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
    )
    name = f"{found.source.family} weights, {found.source.path}"
    return Source(networks, name, tuple(found.notes))


def is_ours(path: str) -> bool:
    """Whether LayerLock wrote an encoder, or is asked for a random one."""
    if path.partition(":")[0] in encoders.BASELINES:
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
