"""A probe says of every clip what it was taken for, surest mistakes first."""

import csv
import io
import types

import numpy as np
import pytest

from layerlock.evaluation import mistakes
from layerlock.evaluation.features import Features
from layerlock.evaluation.task import Examples

pytest.importorskip("matplotlib")


class Named(Examples):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        return np.full((1, 2, 8, 8, 3), 50 * index, "uint8"), np.asarray(0)

    def name(self, index):
        return f"cats/{index}, <b>.mp4"


TASK = types.SimpleNamespace(class_names=["cats", "dogs"])


def answered(scores, truth, kept=None):
    kept = np.arange(len(truth)) if kept is None else np.array(kept)
    return types.SimpleNamespace(
        features={"test": Features(None, Named())},
        kept=kept,
        predictions=np.array(scores, "float32"),
        targets=np.array(truth),
    )


def test_the_table_has_every_clip_with_its_answer():
    result = answered([[0.9, 0.1], [0.25, 0.75]], [0, 0], kept=[1, 3])

    rows = list(csv.DictReader(io.StringIO(mistakes.table(TASK, result))))

    assert [tuple(row.values()) for row in rows] == [
        ("cats/1, <b>.mp4", "cats", "cats", "0.9000", "0.9000"),
        ("cats/3, <b>.mp4", "cats", "dogs", "0.7500", "0.2500"),
    ]


def test_the_surest_mistakes_come_first():
    scores = [[0.4, 0.6], [0.9, 0.1], [0.2, 0.8], [0.3, 0.7]]
    text = str(mistakes.section(TASK, answered(scores, [0, 0, 0, 1])))

    assert "2 of 4 clips" in text
    assert "cats/1" not in text and "cats/3" not in text  # right answers
    assert text.index("cats/2") < text.index("cats/0")
    assert "cats, taken for dogs (0.80; cats 0.20)" in text
    assert text.count("<img") == 2 and "<b>" not in text


def test_right_answers_only():
    text = str(mistakes.section(TASK, answered([[0.9, 0.1]], [0])))

    assert "No clip was taken for another class" in text
