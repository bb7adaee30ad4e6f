"""Writes the lines of metrics.jsonl as scalars for TensorBoard."""

import math
import numbers
import warnings

GROUPS = {
    "learning": (
        "loss",
        "validation_loss",
        "learning_rate",
        "grad_norm",
        "prediction_cosine",
        "probe_top1",
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
        "peak_memory_bytes",
        "monitor_seconds",
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


class ScalarWriter:
    """Writes each number of a metrics line under a tag such as `cost/flops`.

    What is measured of each block gets tags such as `layers/weight_norm_1`.

    Args:
        path: the folder of the event files.
        purge_step: the first step of a resumed run. What an earlier process
            wrote for it and later steps disappears from the curves.
    """

    def __init__(self, path, purge_step: int | None = None):
        import tensorboardX

        self._writer = tensorboardX.SummaryWriter(
            str(path), purge_step=purge_step
        )

    def write(self, metrics: dict):
        """Writes one line of metrics; what is not a number is left out."""
        for name, value in _scalars(metrics):
            if _is_number(value):
                self._writer.add_scalar(name, float(value), metrics["step"])

    def close(self):
        """Writes what is still waiting."""
        self._writer.close()


class NullWriter:
    """Stands in for a `ScalarWriter` where tensorboardX is not installed."""

    def write(self, metrics: dict):
        """Does nothing."""

    def close(self):
        """Does nothing."""


def scalar_writer(path, purge_step: int | None = None):
    """A `ScalarWriter`, or without tensorboardX a warning and a `NullWriter`.

    `metrics.jsonl` and the report hold the same numbers either way.
    """
    try:
        return ScalarWriter(path, purge_step)
    except ImportError:
        warnings.warn(
            "No TensorBoard files are written, as tensorboardX is not "
            'installed. To have them: pip install "layerlock[report]"',
            stacklevel=2,
        )
        return NullWriter()


def tag(key: str) -> str:
    """The name of a metric in TensorBoard, grouped by what it is about."""
    for group, keys in GROUPS.items():
        if key in keys:
            return f"{group}/{key}"
    return f"other/{key}"


def _scalars(metrics: dict):
    """Yields tags and values."""
    for key, value in metrics.items():
        if key in LISTS and isinstance(value, list):
            for block, item in enumerate(value, start=1):
                yield f"layers/{LISTS[key]}_{block}", item
        elif key != "step":
            yield tag(key), value


def _is_number(value) -> bool:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return False
    return math.isfinite(value)
