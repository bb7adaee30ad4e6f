"""When layers freeze inside `model.fit`: at optimizer steps."""

import keras
import numpy as np
import pytest

from layerlock.backends import keras_internals
from layerlock.core.freezing.callback import LayerLock
from layerlock.core.freezing.schedules import (
    LinearFreezeSchedule,
    NeverFreezeSchedule,
    PiecewiseFreezeSchedule,
)

BATCH_SIZE = 2


class Watch(keras.callbacks.Callback):
    """Notes how many layers are frozen after every batch."""

    def __init__(self, lock):
        super().__init__()
        self.lock = lock
        self.frozen = []

    def on_train_batch_end(self, batch, logs=None):
        self.frozen.append(self.lock.frozen_layers)


def compiled(optimizer=None, **compile_arguments):
    """A model of three layers, the first two of which may freeze."""
    model = keras.Sequential(
        [keras.Input((3,)), *(keras.layers.Dense(3) for _ in range(3))]
    )
    model.compile(
        optimizer=optimizer or keras.optimizers.Adam(1e-2),
        loss="mse",
        **compile_arguments,
    )
    return model


def locked(schedule, model):
    return LayerLock(schedule, layers=model.layers[:2])


def numbers(num_batches):
    rng = np.random.default_rng(2)
    return rng.normal(size=(num_batches * BATCH_SIZE, 3)).astype("float32")


def fit(model, lock, num_batches, callbacks=(), epochs=1, x=None):
    """Trains; returns the layers frozen after every batch."""
    x = numbers(num_batches) if x is None else x
    watch = Watch(lock)
    model.fit(
        x,
        np.zeros_like(x),
        batch_size=BATCH_SIZE,
        epochs=epochs,
        shuffle=False,
        verbose=0,
        callbacks=[lock, watch, *callbacks],
    )
    return watch.frozen


def test_a_layer_is_frozen_after_exactly_its_step():
    model = compiled()
    lock = locked(PiecewiseFreezeSchedule([(2, 1), (3, 2)]), model)

    assert fit(model, lock, 4) == [0, 1, 2, 2]
    assert lock.events == [(2, 1), (3, 2)]


def test_layers_that_freeze_together_are_one_event():
    model = compiled()
    lock = locked(LinearFreezeSchedule(1, 5, 2, 2), model)

    fit(model, lock, 2)

    assert lock.events == [(1, 2)]


def test_the_schedule_is_not_asked_at_every_batch():
    model = compiled()
    lock = locked(PiecewiseFreezeSchedule([(2, 1)]), model)
    lock.bind(model)
    asked = []
    update = lock.scheduler.update
    lock.scheduler.update = lambda step: asked.append(step) or update(step)

    fit(model, lock, 6)

    # When training and its epoch begin, and at the event.
    assert asked == [0, 0, 2]


def test_the_next_event_is_known_from_the_start_on():
    model = compiled()
    lock = locked(PiecewiseFreezeSchedule([(2, 1), (7, 2)]), model)
    upcoming = []
    note = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: upcoming.append(
            lock.next_event
        )
    )

    fit(model, lock, 4, [note])

    assert upcoming == [2, 2, 7, 7]


def test_after_the_last_event_there_is_no_next_one():
    model = compiled()
    lock = locked(PiecewiseFreezeSchedule([(1, 1)]), model)

    fit(model, lock, 2)

    assert lock.next_event is None


def test_under_accumulation_steps_are_updates_and_not_batches():
    optimizer = keras.optimizers.SGD(1e-2, gradient_accumulation_steps=2)
    model = compiled(optimizer)
    lock = locked(PiecewiseFreezeSchedule([(2, 1)]), model)

    assert fit(model, lock, 6) == [0, 0, 0, 1, 1, 1]
    assert lock.events == [(2, 1)]


def test_a_skipped_overflow_is_no_step():
    optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(1e-2))
    model = compiled(optimizer)
    lock = locked(PiecewiseFreezeSchedule([(2, 1)]), model)
    x = numbers(5)
    x[BATCH_SIZE : 3 * BATCH_SIZE] = np.inf  # the second and third batch

    assert fit(model, lock, 5, x=x) == [0, 0, 0, 1, 1]
    assert lock.events == [(2, 1)]


def test_a_freeze_in_the_middle_of_an_execution_is_refused():
    model = compiled(steps_per_execution=2)
    lock = locked(PiecewiseFreezeSchedule([(2, 1), (3, 2)]), model)
    lock.set_model(model)

    with pytest.raises(ValueError, match="freeze at optimizer step 3, in the"):
        lock.on_train_begin()


def test_without_known_steps_several_per_execution_are_refused():
    optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(1e-2))
    model = compiled(optimizer, steps_per_execution=2)
    lock = locked(PiecewiseFreezeSchedule([(2, 1)]), model)
    lock.set_model(model)

    with pytest.raises(ValueError, match="loss scaling"):
        lock.on_train_begin()


@pytest.mark.skipif(
    keras.backend.backend() == "torch" and not keras_internals.scans_steps(),
    reason="Keras before 3.16 has one step per execution on PyTorch",
)
def test_several_steps_per_execution_freeze_at_the_end_of_one():
    model = compiled(steps_per_execution=2)
    lock = locked(PiecewiseFreezeSchedule([(4, 1)]), model)

    assert fit(model, lock, 6) == [0, 1, 1]
    assert lock.events == [(4, 1)]


def test_steps_go_on_over_epochs():
    model = compiled()
    lock = locked(PiecewiseFreezeSchedule([(5, 1)]), model)

    assert fit(model, lock, 3, epochs=2) == [0, 0, 0, 0, 1, 1]


def test_training_goes_on_at_the_stage_of_the_optimizer():
    model = compiled()
    model.optimizer.build(model.trainable_variables)
    model.optimizer.iterations.assign(5)
    lock = locked(PiecewiseFreezeSchedule([(3, 1), (7, 2)]), model)

    assert fit(model, lock, 3) == [1, 2, 2]
    assert lock.events == [(5, 1), (7, 2)]


def test_a_model_restored_by_another_callback_goes_on_at_its_stage():
    model = compiled()
    lock = locked(PiecewiseFreezeSchedule([(3, 1)]), model)
    restore = keras.callbacks.LambdaCallback(
        on_train_begin=lambda logs: model.optimizer.iterations.assign(5)
    )

    assert fit(model, lock, 2, [restore]) == [1, 1]


def test_a_second_fit_goes_on_where_the_first_one_ended():
    model = compiled()
    lock = locked(PiecewiseFreezeSchedule([(1, 1), (3, 2)]), model)

    assert fit(model, lock, 2) == [1, 1]
    assert fit(model, lock, 2) == [2, 2]
    assert lock.events == [(1, 1), (3, 2)]


def test_a_model_that_its_first_batch_builds_can_freeze():
    model = keras.Sequential([keras.layers.Dense(4), keras.layers.Dense(1)])
    model.compile(keras.optimizers.AdamW(1e-2), loss="mse")
    lock = LayerLock(
        PiecewiseFreezeSchedule([(2, 1)]), layers=[model.layers[0]]
    )

    x = np.ones((8, 3), "float32")
    model.fit(x, x[:, :1], batch_size=2, verbose=0, callbacks=[lock])

    assert lock.events == [(2, 1)]
    assert model.optimizer.iterations == 4


def test_a_schedule_can_be_named():
    assert LayerLock("never").schedule == NeverFreezeSchedule()


def test_an_unknown_name_is_answered_with_those_that_exist():
    with pytest.raises(ValueError, match="Unknown FreezeSchedule.*linear"):
        LayerLock("sometimes")


def test_nothing_is_frozen_before_training():
    lock = LayerLock("linear")

    assert (lock.frozen_layers, lock.events) == (0, [])


def test_another_model_starts_from_its_own_stage():
    first, second = compiled(), compiled()
    lock = LayerLock(PiecewiseFreezeSchedule([(1, 1)]), first.layers[:2])
    fit(first, lock, 1)
    lock.layers = second.layers[:2]

    lock.bind(second)

    assert lock.frozen_layers == 0
    assert lock.scheduler.model is second


def test_a_schedule_that_does_not_fit_is_refused_before_the_first_batch():
    model = compiled()
    lock = LayerLock("linear", layers=model.layers[:2])
    before = [v.numpy().copy() for v in model.variables]

    with pytest.raises(ValueError, match="up to 32 layers, but only 2"):
        fit(model, lock, 1)

    for variable, value in zip(model.variables, before, strict=True):
        assert np.array_equal(variable.numpy(), value)


def test_the_time_of_a_freeze_is_that_of_its_batch():
    model = compiled()
    lock = locked(PiecewiseFreezeSchedule([(2, 1)]), model)
    seconds = []
    note = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seconds.append(lock.seconds)
    )

    fit(model, lock, 3, [note])

    assert seconds[0] == seconds[2] == 0.0
    assert seconds[1] > 0.0
