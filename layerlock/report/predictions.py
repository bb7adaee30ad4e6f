"""The sections on the predictions of a readout on the test split."""

import numpy as np

from layerlock.data.names import readable
from layerlock.evaluation import answers
from layerlock.report import canvas, strips
from layerlock.report.cards import Clip, Figure, Section

MAX_NAMES = 30  # classes; more names do not fit beside a matrix
MAX_LETTERS = 24  # of a name beside a matrix
MAX_MAPS = 4  # clips with depth maps
MAX_MISTAKES = 6  # misclassified clips
DARK = 0.8  # opacity above which a cell needs a light number


def sections(task, result) -> list[Section]:
    """A confusion matrix and misclassified clips, or depth maps.

    Args:
        task: the `Task`.
        result: the `Result`.
    """
    if task.is_dense:
        return [_depth_maps(result)]
    return [_confusion(task, result), mistakes(task, result)]


def mistakes(task, result) -> Section:
    """The misclassified clips with the highest scores."""
    title, rows = "Misclassified clips", answers.rows(task, result)
    wrong = [i for i, row in enumerate(rows) if row["answer"] != row["truth"]]
    if not wrong:
        return Section(title, "All clips were classified correctly.")
    wrong.sort(key=lambda i: -rows[i]["score"])
    test = result.features["test"]
    return Section(
        title,
        f"{len(wrong):,} of {len(rows):,} clips were misclassified; "
        "`answers.csv` lists all answers. The clips below have the highest "
        "scores. Some of their labels may be wrong.",
        clips=[
            _mistake(rows[index], test.views(int(result.kept[index]))[0])
            for index in wrong[:MAX_MISTAKES]
        ],
    )


def _mistake(row: dict, frames) -> Clip:
    return Clip(
        [("original", strips.video(frames))],
        f"{row['example']}: predicted {row['answer']} ({row['score']:.2f}), "
        f"labelled {row['truth']} ({row['score_of_truth']:.2f})",
    )


def _confusion(task, result) -> Section:
    figure = Figure(
        "Confusion matrix",
        "Rows are true classes, columns are predicted classes. Each row sums "
        "to 1; correct predictions lie on the diagonal.",
        _confusion_matrix(task.class_names, result),
        is_wide=True,
    )
    return Section("Predictions", figures=[figure])


def _confusion_matrix(names, result) -> str:
    shares = answers.confusion(result.predictions, result.targets, len(names))
    has_names = len(names) <= MAX_NAMES
    side = max(3.0, 0.36 * len(names) + 1.6) if has_names else 4.5
    with canvas.draw("confusion", "Confusion matrix", (10.2, side)) as drawing:
        axes = drawing.axes
        axes.grid(False)
        for row, column in zip(*np.nonzero(shares), strict=True):
            share = shares[row, column]
            axes.add_patch(canvas.rectangle(column, row, 1, 1, alpha=share))
            if has_names:
                axes.text(
                    column + 0.5,
                    row + 0.5,
                    f"{share:.2f}".removeprefix("0"),
                    ha="center",
                    va="center",
                    fontsize=8,
                    color=canvas.ROLES["surface" if share > DARK else "ink"],
                )
        axes.set(xlim=(0, len(names)), ylim=(len(names), 0), aspect="equal")
        axes.set(xlabel="predicted class", ylabel="true class")
        ticks = np.arange(len(names)) + 0.5
        if has_names:
            labels = [_shorten(name) for name in names]
            axes.set_yticks(ticks, labels)
            axes.set_xticks(ticks, labels, rotation=45, ha="right")
    return drawing.svg


def _shorten(name: str) -> str:
    name = readable(name)
    if len(name) <= MAX_LETTERS:
        return name
    return f"{name[: MAX_LETTERS - 1]}…"


def _depth_maps(result) -> Section:
    test = result.features["test"]
    maps = (result.kept, result.targets, result.predictions)
    clips = []
    for index, truth, predicted in zip(
        *(values[:MAX_MAPS] for values in maps), strict=True
    ):
        low, high = np.nanpercentile(np.log(truth), [1, 99])
        rows = [
            ("original", strips.video(test.views(int(index))[0])),
            ("true depth", _shade(truth, low, high)),
            ("prediction", _shade(predicted, low, high)),
        ]
        clips.append(Clip(rows))
    text = "Near pixels are bright; black pixels have no known depth."
    return Section("Predictions", text, clips=clips)


def _shade(depth, low, high) -> str:
    with np.errstate(invalid="ignore", divide="ignore"):
        nearness = 1 - (np.log(depth) - low) / max(high - low, 1e-6)
    grey = np.nan_to_num(np.clip(0.1 + 0.9 * nearness, 0.1, 1), nan=0.0)
    images = (grey[..., None] * 255).round().astype("uint8")
    return strips.video(images.repeat(3, axis=-1))
