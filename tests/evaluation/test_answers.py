"""The answers of a readout, clip by clip."""

import csv
import io
import types

import numpy as np

from layerlock.evaluation import answers
from layerlock.evaluation.features import Features
from layerlock.evaluation.task import Examples


class Named(Examples):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        return np.zeros((1, 2, 8, 8, 3), "uint8"), np.asarray(0)

    def name(self, index):
        return f"cats/{index}, <b>.mp4"


def test_the_table_has_every_clip_with_its_answer():
    task = types.SimpleNamespace(class_names=["cats", "dogs"])
    result = types.SimpleNamespace(
        features={"test": Features(None, Named())},
        kept=np.array([1, 3]),
        predictions=np.array([[0.9, 0.1], [0.25, 0.75]], "float32"),
        targets=np.array([0, 0]),
    )

    rows = list(csv.DictReader(io.StringIO(answers.to_csv(task, result))))

    assert [tuple(row.values()) for row in rows] == [
        ("cats/1, <b>.mp4", "cats", "cats", "0.9000", "0.9000"),
        ("cats/3, <b>.mp4", "cats", "dogs", "0.7500", "0.2500"),
    ]


def test_rows_of_a_confusion_matrix_are_shares_of_a_true_class():
    scores = np.eye(3)[[0, 0, 1, 1]]  # answers 0, 0, 1, 1
    truth = np.array([0, 0, 0, 1])

    shares = answers.confusion(scores, truth, num_classes=3)

    expected = [[2 / 3, 1 / 3, 0], [0, 1, 0], [0, 0, 0]]  # nothing is a 2
    np.testing.assert_allclose(shares, expected)
