"""The answers of a readout to the test split, and the confusion matrix."""

import csv
import io

import numpy as np

from layerlock.data.names import readable

COLUMNS = ("example", "truth", "answer", "score", "score_of_truth")


def rows(task, result) -> list[dict]:
    """The answer to each clip, in the order of the test split.

    Args:
        task: a `Task` with classes.
        result: the `Result`.

    Returns:
        For each clip its name, its class, the answer, and the scores of the
        answer and of the class, between 0 and 1. `COLUMNS` has the keys.
    """
    test, names = result.features["test"], task.class_names
    answers = zip(result.kept, result.predictions, result.targets, strict=True)
    return [
        _row(test.name(int(index)), names, scores, truth)
        for index, scores, truth in answers
    ]


def to_csv(task, result) -> str:
    """The same as CSV, with a line of column names."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in rows(task, result):
        row["score"] = f"{row['score']:.4f}"
        row["score_of_truth"] = f"{row['score_of_truth']:.4f}"
        writer.writerow(row)
    return text.getvalue()


def confusion(predictions, targets, num_classes: int) -> np.ndarray:
    """Shares of answers for each true class, shape `(classes, classes)`."""
    from sklearn import metrics

    return metrics.confusion_matrix(
        targets,
        predictions.argmax(axis=-1),
        labels=range(num_classes),
        normalize="true",
    )


def _row(example: str, names, scores, truth) -> dict:
    answer = int(scores.argmax())
    values = (
        readable(example),
        readable(names[truth]),
        readable(names[answer]),
        float(scores[answer]),
        float(scores[truth]),
    )
    return dict(zip(COLUMNS, values, strict=True))
