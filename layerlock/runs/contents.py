"""What the files of a run directory hold, checked when they are read."""

import math

from layerlock.json_files import (
    NUMBER,
    OBJECT,
    TEXT,
    WHOLE,
    Kind,
    check,
    list_of,
    object_of,
    one_of,
    optional,
)
from layerlock.runs import scalars

MAX_LAYERS = 10_000  # of an encoder; the reader of a page expects fewer

LAYERS = Kind(
    f"a number of layers, at most {MAX_LAYERS}",
    lambda x: WHOLE.accepts(x) and x <= MAX_LAYERS,
)
BROKEN = Kind(
    "NaN or infinity", lambda x: isinstance(x, float) and not math.isfinite(x)
)
TARGET = optional(one_of(LAYERS, list_of(LAYERS)))

_NUMBERS = optional(list_of(optional(NUMBER)))
_METRICS = {
    **{
        key: optional(NUMBER)
        for keys in scalars.GROUPS.values()
        for key in keys
    },
    **{key: _NUMBERS for key in scalars.LISTS},
    "step": WHOLE,
    "frozen_layers": optional(LAYERS),
    "target_layer": TARGET,
    "verdict": optional(TEXT),
    "verdict_reason": optional(TEXT),
}
_METRICS = {
    key: kind if key == "step" else one_of(kind, BROKEN)
    for key, kind in _METRICS.items()
}
_CONFIG = {
    "command": optional(TEXT),
    "started": optional(TEXT),
    "backend": optional(TEXT),
    "git_revision": optional(TEXT),
    "devices": list_of(TEXT),
    "versions": OBJECT,
    "resumes": list_of(object_of({"step": WHOLE}, ["step"])),
    "model": object_of({"num_layers": LAYERS, "num_parameters": WHOLE}),
    "teacher": object_of({"path": TEXT, "sha256": TEXT}, ["path", "sha256"]),
    "flags": object_of(
        {
            "steps": WHOLE,
            "batch_size": WHOLE,
            "accumulation": WHOLE,
            "fps": optional(NUMBER),
            "sampling": optional(TEXT),
        }
    ),
}
_FAILURE = {
    "step": WHOLE,
    "batch": WHOLE,
    "loss": optional(one_of(NUMBER, TEXT)),
    "frozen_layers": LAYERS,
    "target_layers": TARGET,
    "learning_rate": optional(NUMBER),
    "clips": list_of(TEXT),
}
_PREDICTOR = object_of(
    {"class_name": TEXT, "config": OBJECT, "variables": list_of(TEXT)},
    ["class_name", "config"],
)
_STATE = {
    "step": WHOLE,
    "frozen_layers": LAYERS,
    "events": list_of(
        Kind(
            "a step and a number of layers",
            lambda x: list_of(WHOLE).accepts(x) and len(x) == 2,
        )
    ),
}
_COUNTS = dict.fromkeys(
    (
        "num_files",
        "unreadable_files",
        "replaced_clips",
        "short_clips",
        "failed_reads",
    ),
    WHOLE,
)
_LISTING = {
    **_COUNTS,
    "root": TEXT,
    "files": list_of(object_of({"position": WHOLE, "path": TEXT}, ["path"])),
    "unreadable": list_of(
        object_of(
            {"position": WHOLE, "path": TEXT, "reason": TEXT},
            ["path", "reason"],
        )
    ),
}
_FILES = {**_LISTING, "validation": object_of(_LISTING)}
_SCORE = object_of(
    {"value": NUMBER, "low": optional(NUMBER), "high": optional(NUMBER)},
    ["value", "low", "high"],
)
_RECORD = {"task": TEXT, "readout": TEXT, "metrics": OBJECT}


def check_config(values: dict, place):
    """Raises `ValueError` if `config.json` holds something else."""
    check(values, _CONFIG, place)


def check_metrics(values: dict, place):
    """Raises `ValueError` if a line of `metrics.jsonl` is something else."""
    check(values, _METRICS, place, required=("step",))


def check_failure(values: dict, place):
    """Raises `ValueError` if `failure.json` holds something else."""
    check(values, _FAILURE, place, required=_FAILURE)


def check_files(values: dict, place):
    """Raises `ValueError` if `files.json` holds something else."""
    check(values, _FILES, place)


def check_state(values: dict, place):
    """Raises `ValueError` if `state.json` of a checkpoint is something else."""
    kinds = {**_STATE, "predictor": optional(_PREDICTOR)}
    check(values, kinds, place, required=_STATE)


def check_record(values: dict, place):
    """Raises `ValueError` if `probe.json` or `finetune.json` is no record."""
    check(values, _RECORD, place, required=_RECORD)
    metrics = values["metrics"]
    check(metrics, dict.fromkeys(metrics, _SCORE), place)
