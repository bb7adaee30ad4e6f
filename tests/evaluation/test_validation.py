"""The validation split is looked at while a model is fine-tuned."""

import types

import numpy as np
import pytest

from layerlock.evaluation import probes
from layerlock.evaluation.validation import Validation
from tests.evaluation import toys

pytest.importorskip("sklearn")


@pytest.fixture
def watch():
    """Looks at a model that takes every clip for class 0."""
    task = toys.PlantedTask()
    readout = probes.get("linear")
    readout.prepare(toys.GRID, task)
    lock = types.SimpleNamespace(frozen_layers=1)
    watch = Validation(2, 10, task, readout, lock)
    one = np.array([[5.0, 0, 0, 0]], "float32")
    watch.compute = lambda clips: one[None].repeat(len(clips), axis=0)
    return watch


def test_the_loss_is_the_mean_since_the_look_before(watch):
    told = []
    watch.on_trial = told.append
    for batch, mean in ((1, 3.0), (3, 2.0)):  # Keras's, since the beginning
        watch.batch = batch
        watch.on_step(batch + 1, {"loss": mean})

    classes = watch.task.examples("validation").classes
    expected = [
        {"step": step, "loss": loss, "frozen_layers": 1}
        | {"top1": pytest.approx(np.mean(classes == 0))}
        for step, loss in ((2, 3.0), (4, 1.0))
    ]
    assert watch.trials == told == expected


def test_a_loss_that_is_no_number_ends_it(watch):
    watch.batch = 4

    with pytest.raises(ValueError, match="nan at step 5. Lower the learning"):
        watch.on_step(5, {"loss": float("nan")})


def test_where_steps_were_skipped_the_end_is_looked_at_too(watch):
    watch.counter = types.SimpleNamespace(read=lambda: 3)
    watch.batch = 4
    for _ in range(2):  # not twice
        watch.on_train_end({"loss": 1.0})

    assert [trial["step"] for trial in watch.trials] == [3]
