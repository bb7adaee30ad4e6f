"""What a probe finds is about the test split, and says what to beat."""

import numpy as np
import pytest

from layerlock.evaluation import probing, scores
from tests.evaluation import toys

pytest.importorskip("sklearn")


def test_the_metrics_are_those_of_the_predictions_on_the_test_split():
    task = toys.PlantedTask()

    result = probing.probe(toys.Encoder(), task, "logistic", layer=1)

    test = task.examples("test")
    np.testing.assert_array_equal(result.targets, test.classes)
    right = result.predictions.argmax(-1) == test.classes
    assert result.metrics["top1"]["value"] == pytest.approx(right.mean())
    assert right.mean() > 0.9
    assert {s: len(f) for s, f in result.features.items()} == {
        "train": 120,
        "validation": 40,
        "test": 60,
    }


def test_the_commonest_class_of_the_test_split_is_what_to_beat():
    task = toys.PlantedTask()

    result = probing.probe(toys.Encoder(), task, "knn", layer=1)

    answers = np.zeros((60, 4))
    answers[:, np.bincount(result.targets).argmax()] = 1
    always = scores.score(task, answers, result.targets)["top1"].mean()
    assert result.commonest_class_share == pytest.approx(always)


def test_depths_have_no_commonest_class():
    result = probing.Result(
        {}, [], 1, None, np.ones((3, 2, 2, 2)), None, features={}
    )

    assert result.commonest_class_share is None
    assert result.constant_depth_error == 0.0


def test_what_cannot_answer_a_task_is_refused_before_features_are_computed():
    before = toys.Encoder.calls

    with pytest.raises(ValueError, match="--readout=attentive"):
        probing.probe(toys.Encoder(), toys.PlantedTask(dense=True), "knn")

    assert toys.Encoder.calls == before
