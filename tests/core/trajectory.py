"""Trains 30 steps with three freezes and prints the losses as JSON.

Run with KERAS_BACKEND set: `python -m tests.core.trajectory [data|model N]
[vjepa]`. With N devices, batches are spread over them, or the weights of
blocks.
"""

import json
import sys

import keras
import numpy as np

from layerlock import backends
from layerlock.core.freezing.callback import LayerLock
from layerlock.core.freezing.schedules import PiecewiseFreezeSchedule
from layerlock.models import sharding
from tests.core.freezing import dropped_gradients as freezing

NUM_STEPS = 30
EVENTS = [(8, 1), (15, 2), (22, 3)]


def set_same_weights(model):
    """Weights from NumPy, so that every backend starts from the same."""
    rng = np.random.default_rng(3)
    for variable in model.trainable_variables + model.predictor.variables:
        if any(name in variable.path for name in ("kernel", "latent", "mask")):
            fan_in = variable.shape[0]
            value = rng.normal(size=tuple(variable.shape)) / fan_in**0.5
            variable.assign(value.astype("float32"))


def adamw(**options):
    """AdamW for trainings that are compared with a tolerance.

    No loss depends on the bias of an attention's keys, so its gradient is
    round-off alone, which differs between devices and backends. With the
    default `epsilon`, AdamW divides it by its own size; this one hides it.
    """
    return keras.optimizers.AdamW(
        2e-3, weight_decay=0.05, epsilon=1e-4, **options
    )


def train(objective="mae", jit_compile="auto"):
    model = freezing.build_model(objective=objective)
    set_same_weights(model)
    if model.teacher is not None:
        for own, learnt in zip(
            model.teacher.variables, model.encoder.variables, strict=True
        ):
            own.assign(keras.ops.copy(learnt.value))
    model.compile(adamw(global_clipnorm=1.0), jit_compile=jit_compile)
    losses = []

    class Record(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            losses.append(float(logs["batch_loss"]))

    model.fit(
        freezing.clips(NUM_STEPS),
        batch_size=freezing.BATCH_SIZE,
        shuffle=False,
        verbose=0,
        callbacks=[Record(), LayerLock(PiecewiseFreezeSchedule(EVENTS))],
    )
    backends.sync_state(model)
    weights = {
        v.path: float(np.linalg.norm(v.numpy()))
        for v in model.encoder.variables
    }
    return {"losses": losses, "weights": weights}


def main(arguments):
    objective = "mae"
    if arguments[-1:] == ["vjepa"]:
        *arguments, objective = arguments
    if arguments:
        kind, expected = arguments
        devices = keras.distribution.list_devices()
        if len(devices) != int(expected):
            raise ValueError(f"Expected {expected}, found {devices}.")
        with backends.distributed(kind, None, sharding.axes(kind)):
            print(json.dumps(train(objective)))
    else:
        print(json.dumps(train(objective)))


if __name__ == "__main__":
    main(sys.argv[1:])
