"""A run whose loss breaks ends, and says where."""

import json

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
    assert (last["step"], last["verdict"]) == (BROKEN, "diverged")


def test_the_message_says_where_and_what_now(broken):
    assert f"nan at step {BROKEN}, batch {BROKEN - 1}" in broken.error
    assert "failure.json" in broken.error
    assert "`learning_rate`" in broken.error
