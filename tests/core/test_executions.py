"""Several steps per execution train like one."""

import keras
import numpy as np
import pytest

from layerlock import backends
from layerlock.core.freezing.callback import LayerLock
from layerlock.core.freezing.schedules import PiecewiseFreezeSchedule
from tests.core.freezing import dropped_gradients as freezing
from tests.core.trajectory import adamw, set_same_weights
from tests.marks import thorough_on


class Losses(keras.callbacks.Callback):
    """Keeps the loss of every batch, and the batches at which it is called."""

    takes_tensors = True

    def __init__(self):
        super().__init__()
        self.losses = []
        self.batches = []

    def on_train_batch_end(self, batch, logs=None):
        losses = logs["batch_loss"]
        if self.model.steps_per_execution > 1:
            losses = self.model.batch_losses
            last = keras.ops.convert_to_numpy(losses)[-1]
            assert float(logs["batch_loss"]) == pytest.approx(last, rel=1e-6)
        self.losses += np.atleast_1d(
            keras.ops.convert_to_numpy(losses)
        ).tolist()
        self.batches.append(batch)


def train(steps_per_execution, events, steps, **arguments):
    """Trains; returns the model, its losses and the ends of executions."""
    model = freezing.build_model()
    set_same_weights(model)
    model.compile(
        adamw(global_clipnorm=1.0),
        steps_per_execution=steps_per_execution,
        **arguments,
    )
    kept, lock = Losses(), LayerLock(PiecewiseFreezeSchedule(events))
    model.fit(
        freezing.clips(steps),
        batch_size=freezing.BATCH_SIZE,
        shuffle=False,
        verbose=0,
        callbacks=[kept, lock],
    )
    backends.sync_state(model)
    assert lock.events == events
    assert int(keras.ops.convert_to_numpy(model.batches_seen)) == steps
    return model, kept.losses, kept.batches


def assert_equal(steps_per_execution, events, steps):
    model, losses, ends = train(steps_per_execution, events, steps)
    _, expected, _ = train(1, events, steps)

    assert len(losses) == steps
    assert losses == pytest.approx(expected, rel=1e-5)
    assert [end + 1 for end in ends] == list(
        range(steps_per_execution, steps + 1, steps_per_execution)
    )
    return model


@thorough_on("tensorflow")
def test_several_steps_per_execution_train_like_one():
    model = assert_equal(3, [(3, 1), (6, 2)], steps=9)

    cost = backends.measure_step(model)
    if cost.flops is not None:  # of one step
        one, *_ = train(1, [], steps=1)
        assert cost.flops < 1.5 * backends.measure_step(one).flops


@pytest.mark.slow
@thorough_on("tensorflow")
def test_ten_steps_per_execution_do_over_three_freezes():
    assert_equal(10, [(10, 1), (20, 2), (30, 3)], steps=40)


@pytest.mark.slow
def test_steps_that_run_eagerly_do_too():
    _, losses, _ = train(2, [(2, 1)], 4, run_eagerly=True)
    _, expected, _ = train(1, [(2, 1)], 4)

    assert losses == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("steps", [6, 300])
def test_a_freeze_after_the_end_may_have_no_border(steps):
    """Step 255 is not at the end of an execution of two batches."""
    model = freezing.build_model()
    model.compile(adamw(), steps_per_execution=2)
    lock = LayerLock(PiecewiseFreezeSchedule([(4, 1), (255, 2)]))

    def fit():
        model.fit(
            freezing.clips(6),
            batch_size=freezing.BATCH_SIZE,
            steps_per_epoch=steps,
            verbose=0,
            callbacks=[lock],
        )

    if steps > 255:
        with pytest.raises(ValueError, match="freeze at optimizer step 255"):
            fit()
        return
    fit()
    assert lock.events == [(4, 1)]
