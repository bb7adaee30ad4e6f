"""Which clips of the test were taken for what."""

import csv
import io

from layerlock.report import strips
from layerlock.report.html import Html, join, tag

COLUMNS = ("example", "truth", "answer", "score", "score_of_truth")
NUM_SHOWN = 6


def listed(task, result) -> list[dict]:
    """What was said of each clip of the test, in the order of the test.

    Args:
        task: a `Task` with classes.
        result: the `Result`.

    Returns:
        For each clip its name, its class, the answer, and the scores between
        0 and 1 of both, under the names of `COLUMNS`.
    """
    test, names = result.features["test"], task.class_names
    rows = []
    for index, scores, truth in zip(
        result.kept, result.predictions, result.targets, strict=True
    ):
        answer = int(scores.argmax())
        values = (
            test.name(int(index)),
            names[truth],
            names[answer],
            float(scores[answer]),
            float(scores[truth]),
        )
        rows.append(dict(zip(COLUMNS, values, strict=True)))
    return rows


def table(task, result) -> str:
    """The same as CSV, with a line of names."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in listed(task, result):
        row["score"] = f"{row['score']:.4f}"
        row["score_of_truth"] = f"{row['score_of_truth']:.4f}"
        writer.writerow(row)
    return text.getvalue()


def section(task, result) -> Html:
    """A card with pictures of the mistakes that the readout was surest of."""
    rows = listed(task, result)
    wrong = [i for i, row in enumerate(rows) if row["answer"] != row["truth"]]
    wrong.sort(key=lambda i: -rows[i]["score"])
    if not wrong:
        return tag("p", "No clip was taken for another class.", class_="muted")
    test = result.features["test"]
    return tag(
        "div",
        tag("h3", "The surest mistakes"),
        tag(
            "p",
            f"{len(wrong):,} of {len(rows):,} clips were taken for another "
            "class; answers.csv has them all. Look here for wrong labels, too.",
            class_="muted",
        ),
        [
            _clip(rows[index], test.views(int(result.kept[index]))[0])
            for index in wrong[:NUM_SHOWN]
        ],
        class_="card wide",
    )


def _clip(row, frames) -> Html:
    said = (
        f"{row['example']}: {row['truth']}, taken for {row['answer']} "
        f"({row['score']:.2f}; {row['truth']} {row['score_of_truth']:.2f})"
    )
    return join(
        tag("p", said),
        strips.clip_rows([("original", strips.video(frames))]),
    )
