"""Tags of the metrics for experiment trackers, grouped by subject."""

import math

from layerlock import json_files

GROUPS = {
    "learning": (
        "loss",
        "validation_loss",
        "learning_rate",
        "grad_norm",
        "prediction_cosine",
        "probe_top1",
        "held_out_prediction",
    ),
    "freezing": (
        "frozen_layers",
        "target_layer",
        "stall_seconds",
        "teacher_jump",
    ),
    "cost": (
        "clips_per_second",
        "input_wait",
        "seconds",
        "flops",
        "flops_unfrozen",
        "flops_teacher",
        "peak_memory_bytes",
        "monitor_seconds",
        "held_out_seconds",
        "probe_seconds",
    ),
    "collapse": (
        "feature_std",
        "feature_std_min",
        "raw_feature_std",
        "effective_rank",
        "target_std",
        "clip_cosine",
    ),
}
LISTS = {"weight_norms": "weight_norm", "cka": "cka"}  # a number per block


def of_line(metrics: dict) -> dict[str, float]:
    """Returns the finite numbers of a line of metrics.jsonl, by their tag.

    Example:

    >>> of_line({"step": 10, "loss": 0.5, "cka": [0.9], "verdict": "healthy"})
    {'learning/loss': 0.5, 'layers/cka_1': 0.9}
    """
    return {
        name: float(value)
        for name, value in _values(metrics)
        if _is_number(value)
    }


def tag(key: str) -> str:
    """Returns the tag of a metric: its group and its name.

    Example:

    >>> tag("flops")
    'cost/flops'
    """
    for group, keys in GROUPS.items():
        if key in keys:
            return f"{group}/{key}"
    return f"other/{key}"


def _values(metrics: dict):
    """Yields tags and values."""
    for key, value in metrics.items():
        if key in LISTS and isinstance(value, list):
            for block, item in enumerate(value, start=1):
                yield f"layers/{LISTS[key]}_{block}", item
        elif key != "step":
            yield tag(key), value


def _is_number(value) -> bool:
    return json_files.is_number(value) and math.isfinite(value)
