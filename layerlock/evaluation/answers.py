"""A probe's answers beside the truth, for its page."""

import numpy as np

from layerlock.evaluation import mistakes
from layerlock.report import canvas, cards, strips
from layerlock.report.html import Html, tag

MAX_NAMED = 30  # classes; more names do not fit beside a matrix
NUM_MAPS = 4


def section(task, result) -> Html:
    """A confusion matrix with mistakes, or depth maps beside true ones."""
    if task.is_dense:
        return _maps(result)
    matrix = cards.figure(
        "What was taken for what",
        "Rows are true classes, columns answers; each row sums to one. "
        "Good answers lie on the diagonal.",
        _confusion(task.class_names, result),
        wide=True,
    )
    return cards.grid(matrix, mistakes.section(task, result))


def confusion(predictions, targets, num_classes: int) -> np.ndarray:
    """Shares of answers for each true class, shape `(classes, classes)`."""
    from sklearn import metrics

    return metrics.confusion_matrix(
        targets,
        predictions.argmax(axis=-1),
        labels=range(num_classes),
        normalize="true",
    )


def _confusion(names, result) -> str:
    shares = confusion(result.predictions, result.targets, len(names))
    named = len(names) <= MAX_NAMED
    side = 4.5 if not named else max(3.0, 0.36 * len(names) + 1.2)
    with canvas.draw("confusion", "Confusion matrix", (10.2, side)) as drawing:
        axes = drawing.axes
        axes.grid(False)
        for row, column in zip(*np.nonzero(shares), strict=True):
            axes.add_patch(
                canvas.rectangle(column, row, 1, 1, alpha=shares[row, column])
            )
            if named:
                share = shares[row, column]
                axes.text(
                    column + 0.5,
                    row + 0.5,
                    f"{share:.2f}".removeprefix("0"),
                    ha="center",
                    va="center",
                    fontsize=8,
                )
        axes.set(xlim=(0, len(names)), ylim=(len(names), 0), aspect="equal")
        ticks = np.arange(len(names)) + 0.5
        if named:
            axes.set_yticks(ticks, names)
            axes.set_xticks(ticks, names, rotation=45, ha="right")
        else:
            axes.set(xlabel="answer", ylabel="truth")
    return drawing.svg


def _maps(result) -> Html:
    test = result.features["test"]
    clips = []
    shown = (result.kept, result.targets, result.predictions)
    for index, truth, found in zip(*(x[:NUM_MAPS] for x in shown), strict=True):
        frames = test.views(int(index))[0]
        low, high = np.nanpercentile(np.log(truth), [1, 99])
        clips.append(
            strips.clip_rows(
                [
                    ("original", strips.video(frames)),
                    ("true depth", _shade(truth, low, high)),
                    ("answer", _shade(found, low, high)),
                ]
            )
        )
    return tag(
        "div",
        tag(
            "p",
            "Near is bright; black is not known.",
            class_="muted",
        ),
        clips,
        class_="card",
    )


def _shade(depth, low, high) -> str:
    with np.errstate(invalid="ignore", divide="ignore"):
        near = 1 - (np.log(depth) - low) / max(high - low, 1e-6)
    grey = np.nan_to_num(np.clip(0.1 + 0.9 * near, 0.1, 1), nan=0.0)
    images = (grey[..., None] * 255).round().astype("uint8")
    return strips.video(images.repeat(3, axis=-1))
