"""The section on the course of a fine-tuning."""

import numpy as np

from layerlock.report import canvas
from layerlock.report.cards import Figure, Section


def section(metric: str, name: str, trials: list[dict]) -> Section:
    """The metric on the validation split, and the loss, over steps.

    Args:
        metric: the key of the metric in `trials`.
        name: of the metric, as a title.
        trials: of a fine-tuning; see `finetuning.finetune`.
    """
    freezes = any(trial["frozen_layers"] for trial in trials)
    return Section(
        "Training",
        "Grey vertical lines: blocks froze since the previous validation."
        if freezes
        else "",
        [
            Figure(
                name,
                "On the validation split, which does not influence training.",
                _curve(metric, name.lower(), trials),
            ),
            Figure(
                "Loss",
                "Mean over the training batches since the previous validation.",
                _curve("loss", "loss", trials),
            ),
        ],
    )


def _curve(key: str, label: str, trials: list[dict]) -> str:
    steps, frozen, values = (
        np.array([trial[column] for trial in trials], float)
        for column in ("step", "frozen_layers", key)
    )
    with canvas.draw(key.replace("_", "-"), f"{label} over steps") as drawing:
        axes = drawing.axes
        canvas.step_axis(axes, steps)
        canvas.event_lines(axes, steps[np.diff(frozen, prepend=0) > 0])
        canvas.curve(axes, steps, values)
        axes.set_ylabel(label)
    return drawing.svg
