"""The probe during training."""

import math

import keras
import numpy as np
import pytest

from layerlock.evaluation.callback import FeatureProbe
from tests.core.freezing import dropped_gradients as freezing
from tests.evaluation import toys
from tests.marks import thorough_on

pytest.importorskip("sklearn")


class Clips(toys.PlantedTask):
    """The planted colours, as clips of the small model."""

    def examples(self, split):
        found = super().examples(split)
        read = type(found).__getitem__

        class Larger(type(found)):
            def __getitem__(self, index):
                views, target = read(self, index)
                repeats = zip((1, 2, 3), (2, 4, 4), strict=True)
                for axis, times in repeats:
                    views = views.repeat(times, axis=axis)
                return views, target

        found.__class__ = Larger
        return found


@thorough_on("tensorflow")
def test_it_finds_what_the_features_show_and_when_it_should():
    model = freezing.build_model()
    model.compile(keras.optimizers.SGD(1e-3))
    said = []
    probe = FeatureProbe(2, Clips(), print_fn=said.append)
    found = {}

    def look(batch, logs):
        news = probe.pop_metrics()
        if news:
            found[batch + 1] = news

    model.fit(
        freezing.clips(5),
        batch_size=freezing.BATCH_SIZE,
        verbose=0,
        callbacks=[
            probe,
            keras.callbacks.LambdaCallback(on_train_batch_end=look),
        ],
    )

    assert sorted(found) == [2, 4]
    for news in found.values():
        assert news["probe_top1"] > 0.8
        assert news["probe_seconds"] > 0
    assert said == [
        f"Step {step}: probe_top1 {news['probe_top1']:.3f}"
        for step, news in found.items()
    ]


@thorough_on("tensorflow", "torch")
def test_features_that_are_no_numbers_are_left_to_the_loss():
    model = freezing.build_model()
    model.compile(keras.optimizers.SGD(1e-3))
    for weight in model.encoder.weights:
        weight.assign(np.full(weight.shape, np.nan, "float32"))
    probe = FeatureProbe(2, Clips())

    model.fit(
        freezing.clips(2),
        batch_size=freezing.BATCH_SIZE,
        verbose=0,
        callbacks=[probe],
    )

    assert math.isnan(probe.pop_metrics()["probe_top1"])


def test_a_task_without_classes_is_refused():
    with pytest.raises(ValueError, match="a task of depth"):
        FeatureProbe(2, toys.PlantedTask(dense=True))


def test_many_examples_are_thinned_out_evenly():
    class Many(toys.PlantedTask):
        def examples(self, split):
            return toys.Planted(5000, 0, False)

    probe = FeatureProbe(2, Many())

    assert len(probe.splits["train"]) == 1000
    assert len(probe.splits["validation"]) == 500
    assert probe.splits["train"].name(999) == "example 4999"
