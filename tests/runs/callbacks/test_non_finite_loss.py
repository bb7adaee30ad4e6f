"""A run whose loss breaks ends, and says where."""

import json
import math

import keras
import numpy as np
import pytest

from layerlock.core.freezing.schedules import PiecewiseFreezeSchedule
from layerlock.runs import checkpoints
from layerlock.runs.callbacks.non_finite_loss import (
    NonFiniteLossError,
    StopOnNonFiniteLoss,
)
from tests.core.freezing import dropped_gradients as freezing
from tests.runs.training import Training

BROKEN = 6  # the step whose loss is no number


class Break(keras.callbacks.Callback):
    """Turns a weight into NaN before the broken step."""

    def on_train_batch_end(self, batch, logs=None):
        if batch + 1 == BROKEN - 1:
            if keras.backend.backend() == "jax":
                self.model.jax_state_sync()
            latent = self.model.predictor.latent
            latent.assign(np.full(latent.shape, np.nan, "float32"))


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    training = Training(
        tmp_path_factory.mktemp("broken") / "run",
        PiecewiseFreezeSchedule([(3, 1)]),
        steps=20,
        log_every=4,
        every=4,
    )
    non_finite_loss = StopOnNonFiniteLoss(
        training.run,
        training.monitors,
        training.log,
        lambda batch: [f"clip {batch}.{i}" for i in range(2)],
    )
    with pytest.raises(NonFiniteLossError) as error:
        training.model.fit(
            freezing.clips(20),
            batch_size=freezing.BATCH_SIZE,
            shuffle=False,
            verbose=0,
            callbacks=[
                training.monitors,
                training.log,
                non_finite_loss,
                training.lock,
                training.snapshots,
                Break(),
            ],
        )
    training.error = str(error.value)
    return training


def test_where_it_broke_is_written_down(broken):
    failure = json.loads(broken.run.failure_path.read_text())

    assert failure["step"] == BROKEN
    assert failure["batch"] == BROKEN - 1
    assert failure["loss"] == "nan"
    assert failure["frozen_layers"] == 1
    assert failure["target_layers"] == [1]
    assert failure["clips"] == [f"clip {BROKEN - 1}.{i}" for i in range(2)]


def test_the_checkpoint_before_is_kept_and_none_is_added(broken):
    [checkpoint] = checkpoints.find(broken.run.checkpoints_path)

    assert checkpoint.name == "step_00000004"
    assert checkpoints.verify(checkpoint) is None


def test_the_last_line_says_that_it_diverged(broken):
    *_, before, last = broken.run.read_metrics()

    assert (before["step"], before["verdict"]) == (4, "healthy")
    assert (last["step"], last["verdict"]) == (8, "diverged")


def test_the_message_says_where_and_what_now(broken):
    assert f"nan at step {BROKEN}, batch {BROKEN - 1}" in broken.error
    assert "failure.json" in broken.error
    assert "`learning_rate`" in broken.error
    assert "up to step 4 are kept. If the loss was still good" in broken.error


def test_nothing_is_kept_before_the_first_checkpoint(broken, monkeypatch):
    monkeypatch.setattr(checkpoints, "find", lambda _: [])
    callback = StopOnNonFiniteLoss(
        broken.run, broken.monitors, broken.log, lambda batch: []
    )
    callback.set_model(broken.model)
    callback.counter = broken.log.counter

    with pytest.raises(NonFiniteLossError) as error:
        callback._fail(math.nan, later=0)

    assert "init_from" not in str(error.value)
    assert "`gradient_clip`." in str(error.value)


def test_a_checkpoint_between_lines_is_not_saved_after_a_broken_batch(
    tmp_path,
):
    training = Training(
        tmp_path / "run", PiecewiseFreezeSchedule([(3, 1)]), log_every=4
    )
    non_finite_loss = StopOnNonFiniteLoss(
        training.run, training.monitors, training.log, lambda batch: [batch]
    )
    training.snapshots.before_save = non_finite_loss.check
    callbacks = [training.monitors, training.log, non_finite_loss]
    for callback in (training.lock, training.snapshots, *callbacks):
        callback.set_model(training.model)
    model = training.model
    model.optimizer.build(model.trainable_variables)
    for callback in (training.lock, training.snapshots, *callbacks):
        callback.on_train_begin()
        callback.on_epoch_begin(0)
    logs = {"grad_norm": 1.0, "learning_rate": 1e-2}
    for number, loss in enumerate((1.0, float("inf"), 1.0)):
        model.optimizer._iterations.assign_add(1)
        model.batches_seen.assign_add(1)
        for callback in callbacks:
            callback.on_train_batch_end(number, {**logs, "batch_loss": loss})

    with pytest.raises(NonFiniteLossError, match="inf at step 2, batch 1"):
        training.snapshots.save()

    assert checkpoints.find(training.run.checkpoints_path) == []
    assert training.run.read_metrics()[-1]["step"] == 3
