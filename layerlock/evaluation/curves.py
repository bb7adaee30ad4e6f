"""How a fine-tuning went, for its page."""

import numpy as np

from layerlock.report import canvas, cards
from layerlock.report.html import Html


def figures(metric: str, name: str, trials: list[dict]) -> list[Html]:
    """What the validation split said, and the loss, over steps.

    Args:
        metric: str, of the trials.
        name: str, what people call it.
        trials: of a fine-tuning; see `finetuning.finetune`.
    """
    return [
        cards.figure(
            name,
            "On the validation split, which is only watched. Grey lines: more "
            "blocks froze since the look before.",
            _curve(metric, trials),
        ),
        cards.figure(
            "Loss",
            "Of the training batches, the mean since the look before.",
            _curve("loss", trials),
        ),
    ]


def _curve(key, trials) -> str:
    steps, frozen, values = (
        np.array([trial[name] for trial in trials], float)
        for name in ("step", "frozen_layers", key)
    )
    with canvas.draw(key, key) as drawing:
        axes = drawing.axes
        canvas.step_axis(axes, steps)
        canvas.event_lines(axes, steps[np.diff(frozen, prepend=0) > 0])
        canvas.curve(axes, steps, values)
        axes.set_ylabel(key)
    return drawing.svg
