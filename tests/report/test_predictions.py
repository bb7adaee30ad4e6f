"""Confusion matrices, misclassified clips and depth maps."""

import types

import numpy as np
import pytest

from layerlock.evaluation.features import Features
from layerlock.evaluation.task import Examples
from layerlock.report import predictions

pytest.importorskip("matplotlib")


class Named(Examples):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        return np.full((1, 2, 8, 8, 3), 50 * index, "uint8"), np.asarray(0)

    def name(self, index):
        return f"cats/{index}, <b>.mp4"


TASK = types.SimpleNamespace(class_names=["cats", "dogs"], is_dense=False)


def answered(scores, truth, kept=None):
    kept = np.arange(len(truth)) if kept is None else np.array(kept)
    return types.SimpleNamespace(
        features={"test": Features(None, Named())},
        kept=kept,
        predictions=np.array(scores, "float32"),
        targets=np.array(truth),
    )


def test_misclassified_clips_come_in_the_order_of_their_scores():
    scores = [[0.4, 0.6], [0.9, 0.1], [0.2, 0.8], [0.3, 0.7]]

    section = predictions.mistakes(TASK, answered(scores, [0, 0, 0, 1]))

    assert "2 of 4 clips were misclassified" in section.text
    assert [clip.caption for clip in section.clips] == [
        "cats/2, <b>.mp4: predicted dogs (0.80), labelled cats (0.20)",
        "cats/0, <b>.mp4: predicted dogs (0.60), labelled cats (0.40)",
    ]
    assert [label for label, _ in section.clips[0].rows] == ["original"]


def test_without_mistakes_there_are_no_clips():
    section = predictions.mistakes(TASK, answered([[0.9, 0.1]], [0]))

    assert section.text == "All clips were classified correctly."
    assert section.clips == ()


def test_a_task_with_classes_has_a_confusion_matrix():
    pytest.importorskip("sklearn")
    result = answered([[0.9, 0.1], [0.4, 0.6]], [0, 0])

    section, _ = predictions.sections(TASK, result)

    [matrix] = section.figures
    assert matrix.svg.count(">.50</text>") == 2
    assert ">cats</text>" in matrix.svg


def test_long_names_of_classes_are_shortened():
    pytest.importorskip("sklearn")
    task = types.SimpleNamespace(
        class_names=["pretending to put something", "b" * 200],
        is_dense=False,
    )

    section, _ = predictions.sections(task, answered(np.eye(2), [0, 1]))

    [matrix] = section.figures
    assert ">pretending to put somet…</text>" in matrix.svg


def test_names_of_classes_that_cannot_be_encoded_are_drawn_with_escapes():
    pytest.importorskip("sklearn")
    task = types.SimpleNamespace(
        class_names=["caf\udce9", "a\nb"], is_dense=False
    )

    section, _ = predictions.sections(task, answered(np.eye(2), [0, 1]))

    [matrix] = section.figures
    assert r">caf\xe9</text>" in matrix.svg and r">a\nb</text>" in matrix.svg


@pytest.mark.filterwarnings("error")
def test_names_of_any_script_are_drawn_without_a_warning():
    pytest.importorskip("sklearn")
    task = types.SimpleNamespace(class_names=["日本語", "走る"], is_dense=False)

    section, _ = predictions.sections(task, answered(np.eye(2), [0, 1]))

    [matrix] = section.figures
    assert ">日本語</text>" in matrix.svg


def test_names_of_many_classes_are_omitted():
    pytest.importorskip("sklearn")
    count = predictions.MAX_NAMES + 1
    task = types.SimpleNamespace(
        class_names=[f"class {i}" for i in range(count)], is_dense=False
    )
    result = answered(np.eye(count)[:4], range(4))

    section, _ = predictions.sections(task, result)

    [matrix] = section.figures
    assert "class 0" not in matrix.svg
    assert ">true class</text>" in matrix.svg


def test_a_task_with_depths_has_maps():
    depths = np.linspace(1, 5, 4 * 2 * 8 * 8).reshape(4, 2, 8, 8)
    result = answered(depths, depths)

    [section] = predictions.sections(
        types.SimpleNamespace(is_dense=True), result
    )

    assert len(section.clips) == predictions.MAX_MAPS
    labels = [label for label, _ in section.clips[0].rows]
    assert labels == ["original", "true depth", "prediction"]
