"""A plain stack of dense layers, frozen or with its gradients dropped.

It compiles in a fraction of the time of a transformer, and what an optimizer
does with frozen variables is the same. Not a model of ours, besides.
"""

import keras
import numpy as np

from layerlock import backends
from layerlock.core.freezing.scheduler import FreezeScheduler
from layerlock.core.freezing.schedules import PiecewiseFreezeSchedule
from tests.core.freezing.dropped_gradients import AtBatches, drop_gradients

BATCH_SIZE = 4
WIDTH = 6


def build_model(make_optimizer, dtype="float64", **compile_arguments):
    """Returns a model, the same at every call, and its layers."""
    keras.utils.set_random_seed(5)
    layers = [
        keras.layers.Dense(
            WIDTH, activation="tanh", dtype=dtype, name=f"dense_{number}"
        )
        for number in range(5)
    ]
    inputs = keras.Input((WIDTH,), dtype=dtype)
    model = keras.Sequential([inputs, *layers], name="dense")
    model.compile(make_optimizer(), loss="mse", **compile_arguments)
    return model, layers


def train_frozen(make_optimizer, events, num_batches, **arguments):
    """Trains with `FreezeScheduler`; returns the model and its losses."""
    model, layers = build_model(make_optimizer, **arguments)
    schedule = PiecewiseFreezeSchedule(events)
    scheduler = FreezeScheduler(schedule, model, layers[:4])
    return fit(model, events, scheduler.freeze, num_batches)


def train_reference(make_optimizer, events, num_batches, **arguments):
    """Trains with dropped gradients; returns the model and its losses."""
    model, layers = build_model(make_optimizer, **arguments)
    frozen = set()
    drop_gradients(model, lambda: frozen)
    model.stage_variables = lambda: frozen

    def freeze(frozen_layers):
        backends.sync_state(model)
        for layer in layers[:frozen_layers]:
            frozen.update(id(v) for v in layer.variables)
        forget_traces()
        model.make_train_function(force=True)

    return fit(model, events, freeze, num_batches)


def forget_traces():
    """JAX would go on with the old step, whose variables are the same."""
    if keras.backend.backend() == "jax":
        import jax

        jax.clear_caches()


def fit(model, events, freeze, num_batches):
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(2, num_batches * BATCH_SIZE, WIDTH))
    losses = []
    record = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: losses.append(logs["loss"])
    )
    model.fit(
        x,
        y,
        batch_size=BATCH_SIZE,
        shuffle=False,
        verbose=0,
        callbacks=[record, AtBatches(events, freeze)],
    )
    return model, losses
