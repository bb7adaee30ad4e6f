"""Layers freeze when they have converged, inside of `fit`."""

import types

import keras
import numpy as np
import pytest

from layerlock import backends
from layerlock.core.freezing.adaptive import FreezeWhenConverged
from layerlock.core.freezing.callback import LayerLock
from layerlock.core.freezing.learning_rate import MiniWarmup, WarmupCosine
from layerlock.core.freezing.schedules import ConvergedFreezeSchedule
from layerlock.core.monitoring.drift import LayerDrift
from layerlock.core.monitoring.monitors import Monitors
from tests.core.freezing import dropped_gradients as freezing
from tests.marks import thorough_on

NUM_BATCHES = 16


def train(schedule, watched):
    """Trains with a mini warm-up after each of the schedule's events."""
    model = freezing.build_model()
    rate = WarmupCosine(0.1, NUM_BATCHES, warmup_steps=2)
    model.compile(keras.optimizers.SGD(MiniWarmup(rate, schedule, 3)))
    losses = []
    record = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: losses.append(
            float(logs["batch_loss"])
        )
    )
    monitors = Monitors(every=2, print_fn=lambda text: None)
    drift = LayerDrift(every=2, clips=freezing.clips(2, seed=5))
    lock = LayerLock(schedule)
    watch = (
        [FreezeWhenConverged(schedule, lock, monitors, drift)]
        if watched
        else []
    )
    model.fit(
        freezing.clips(NUM_BATCHES),
        batch_size=freezing.BATCH_SIZE,
        shuffle=False,
        verbose=0,
        callbacks=[record, monitors, drift, *watch, lock],
    )
    backends.sync_state(model)
    return lock, losses, freezing.weights(model.encoder)


@thorough_on("jax", "tensorflow")
@pytest.mark.parametrize(
    ("signal", "threshold"), [("weights", 1e-2), ("features", 0.5)]
)
def test_what_it_found_repeats_the_run(signal, threshold):
    schedule = ConvergedFreezeSchedule(
        signal, threshold, window=2, start_step=3, max_frozen_layers=2
    )
    found, losses, weights = train(schedule, watched=True)

    repeated, again, same = train(schedule.to_piecewise(), watched=False)

    assert [layers for _, layers in found.events] == [1, 2]
    assert repeated.events == found.events
    # Programs that know later events from the start may round differently.
    assert again == pytest.approx(losses, rel=1e-6)
    for path, value in weights.items():
        np.testing.assert_allclose(same[path], value, rtol=1e-4, atol=1e-6)


@thorough_on("tensorflow")
def test_what_never_settles_never_freezes():
    schedule = ConvergedFreezeSchedule(
        threshold=1e-12, window=1, start_step=1, max_frozen_layers=3
    )

    lock, _, _ = train(schedule, watched=True)

    assert lock.events == []


def test_a_signal_that_nobody_measures_is_refused():
    schedule = ConvergedFreezeSchedule("features")

    with pytest.raises(ValueError, match="Pass the callback as `drift`"):
        FreezeWhenConverged(schedule, LayerLock(schedule), Monitors(every=1))


def test_every_process_freezes_by_the_numbers_of_the_first(monkeypatch):
    """Machines that differ round differently, near the threshold."""
    schedule = ConvergedFreezeSchedule(
        threshold=0.02, window=1, start_step=1, max_frozen_layers=1
    )
    lock = LayerLock(schedule)
    source = types.SimpleNamespace(step=5, drifts=[0.0200001, 0.1])
    lock.scheduler = types.SimpleNamespace(layers=[1, 2])
    monkeypatch.setattr(lock, "replan", lambda: None)
    monkeypatch.setattr(backends, "broadcast", lambda drifts: [0.0199, 0.1])
    watch = FreezeWhenConverged(schedule, lock, None, source)

    watch.on_train_batch_end(0)

    assert schedule.to_piecewise().events(9) == [(5, 1)]
