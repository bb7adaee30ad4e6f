"""What a probe finds is about the test split, and says what to beat."""

import keras
import numpy as np
import pytest

from layerlock.evaluation import extraction, probing, scores
from tests.conformance.test_probes import fast
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
        {}, [], 1, range(3), None, np.ones((3, 2, 2, 2)), None, features={}
    )

    assert result.commonest_class_share is None
    assert result.constant_depth_error == 0.0


def test_what_cannot_answer_a_task_is_refused_before_features_are_computed():
    before = toys.Encoder.calls

    with pytest.raises(ValueError, match="readout='attentive'"):
        probing.probe(toys.Encoder(), toys.PlantedTask(dense=True), "knn")

    assert toys.Encoder.calls == before


class Trainings(keras.callbacks.Callback):
    count = 0

    def on_train_begin(self, logs=None):
        self.count += 1


def test_callbacks_are_those_of_the_first_training():
    callback = Trainings()

    result = probing.probe(
        toys.Encoder(),
        toys.PlantedTask(),
        fast("linear", steps=3),
        layer=1,
        callbacks=[callback],
    )

    assert (callback.count, len(result.trials)) == (1, 2)


def test_a_readout_without_training_takes_no_callbacks():
    with pytest.raises(ValueError, match="has no training steps"):
        probing.probe(
            toys.Encoder(),
            toys.PlantedTask(),
            "knn",
            layer=1,
            callbacks=[Trainings()],
        )


def test_maps_are_kept_as_far_as_they_fit(monkeypatch):
    task = toys.PlantedTask(dense=True)
    each = 2 * task.examples("test")[0][1].nbytes
    readout = fast("linear", steps=3)

    whole = probing.probe(toys.Encoder(), task, readout, layer=1)
    monkeypatch.setattr(probing, "_MAX_BYTES", 20 * each)
    result = probing.probe(toys.Encoder(), task, readout, layer=1)

    assert result.kept.tolist() == list(range(0, 60, 3))
    np.testing.assert_array_equal(result.targets, whole.targets[::3])
    np.testing.assert_allclose(
        result.predictions, whole.predictions[::3], rtol=1e-5
    )
    assert result.metrics == whole.metrics


def test_the_test_split_is_encoded_once():
    task = toys.PlantedTask()
    encoder = toys.Encoder()
    readout = fast("logistic")
    splits = extraction.compute(encoder, task, 1)
    readout.fit(splits["train"], splits["validation"], task)
    toys.Encoder.calls = 0

    probing.report_test(task, readout, 1, splits)

    assert toys.Encoder.calls == 1


def test_clips_of_one_group_are_not_independent():
    class Rooms(toys.Planted):
        def group(self, index):
            return index // 30

    class RoomTask(toys.PlantedTask):
        def examples(self, split):
            found = super().examples(split)
            return Rooms(len(found), 2, False) if split == "test" else found

    ones = probing.probe(toys.Encoder(), toys.PlantedTask(), "knn", layer=1)
    rooms = probing.probe(toys.Encoder(), RoomTask(), "knn", layer=1)

    assert ones.features["test"].groups == list(range(60))
    assert rooms.features["test"].groups == [0] * 30 + [1] * 30
