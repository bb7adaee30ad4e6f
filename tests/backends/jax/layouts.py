"""Trains 30 steps with three freezes under every layout, on eight devices.

Run as `python -m tests.backends.jax.layouts OBJECTIVE ACCUMULATION LAYOUT...`.
`mae+float8` trains in float8.
Prints the losses, gradient norms and weights of each layout as JSON. A layout
is `none`, or a distribution with its mesh, such as `fsdp:4,2`. With
`JAX_COORDINATOR_ADDRESS`, `PROCESSES` and `PROCESS` in the environment it is
one of several processes.
"""

import json
import os
import sys

import keras
import numpy as np

from layerlock import backends
from layerlock.core.freezing.callback import LayerLock
from layerlock.core.freezing.schedules import PiecewiseFreezeSchedule
from layerlock.core.pretraining.masks import RandomMask
from layerlock.core.pretraining.model import MaskedPretraining
from layerlock.models import sharding
from layerlock.models.float8 import Float8Policy
from layerlock.models.video_encoder import VideoEncoder
from tests.core.trajectory import adamw

NUM_STEPS = 30
EVENTS = [(8, 1), (15, 2), (22, 3)]
BATCH_SIZE = 8
CLIP_SHAPE = (4, 8, 8)


def build(objective, accumulation):
    objective, _, precision = objective.partition("+")
    dtype = Float8Policy() if precision == "float8" else "float32"
    keras.utils.set_random_seed(7)
    encoder = VideoEncoder(
        num_layers=4,
        num_heads=2,
        hidden_dim=16,
        mlp_dim=32,
        patch_size=(2, 4, 4),
        clip_shape=CLIP_SHAPE,
        num_decoder_layers=1 if objective == "mae" else 0,
        dtype=dtype,
        name="encoder",
    )
    model = MaskedPretraining(
        encoder,
        objective=objective,
        mask=RandomMask(0.5),
        seed=3,
        dtype=encoder.dtype_policy,
    )
    model.compile(
        adamw(
            global_clipnorm=0.3,  # less than the norm of any gradient
            gradient_accumulation_steps=accumulation
            if accumulation > 1
            else None,
        )
    )
    return model


def batches():
    """The rows that this process reads, without an end."""
    rng = np.random.default_rng(11)
    rows = backends.local_rows(BATCH_SIZE)
    while True:
        clips = rng.integers(0, 256, (BATCH_SIZE, *CLIP_SHAPE, 3), "uint8")
        yield (clips[rows],)


class Record(keras.callbacks.Callback):
    """Keeps what a step logs, and the step that is compiled ahead."""

    def __init__(self, lock):
        super().__init__()
        self.lock, self.ahead = lock, None
        self.losses, self.norms = [], []

    def on_train_batch_end(self, batch, logs=None):
        self.losses.append(float(logs["batch_loss"]))
        self.norms.append(float(logs["grad_norm"]))
        self.ahead = self.lock.compiling or self.ahead


def train(objective, accumulation):
    model = build(objective, accumulation)
    lock = LayerLock(PiecewiseFreezeSchedule(EVENTS))
    record = Record(lock)
    model.fit(
        batches(),
        steps_per_epoch=NUM_STEPS * accumulation,
        shuffle=False,
        verbose=0,
        callbacks=[record, lock],
    )
    assert lock.events == EVENTS, lock.events
    assert model.compiled_step.latest is record.ahead.program
    backends.sync_state(model)
    with backends.gathered(model):
        weights = {
            v.path: np.asarray(v.numpy(), "float64").ravel()[:40].tolist()
            for v in model.encoder.variables
            if backends.process_index() == 0
        }
    if objective == "vjepa":
        assert parts(model.teacher) == parts(model.encoder)
    held = [
        max(shard.data.nbytes for shard in v.value.addressable_shards)
        for v in [*model.variables, *model.optimizer.variables]
    ]
    return {
        "losses": record.losses,
        "norms": record.norms,
        "weights": weights,
        "device_bytes": sum(held),
    }


def assert_same_training(found: dict, expected: dict):
    """Raises if two results of `train` differ by more than round-off."""
    for name in ("losses", "norms"):
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-4)
    assert found["weights"].keys() == expected["weights"].keys()
    for path, values in expected["weights"].items():
        np.testing.assert_allclose(
            found["weights"][path], values, atol=1e-5, err_msg=path
        )


def parts(encoder):
    """Devices and shapes of the parts of the weights."""
    return [
        [
            (shard.device, shard.data.shape)
            for shard in v.value.addressable_shards
        ]
        for block in encoder.blocks
        for v in block.variables
    ]


def main(objective, accumulation, *layouts):
    if "PROCESS" in os.environ:
        backends.start_processes(
            os.environ["JAX_COORDINATOR_ADDRESS"],
            int(os.environ["PROCESSES"]),
            int(os.environ["PROCESS"]),
        )
    results = {}
    for layout in layouts:
        kind, _, mesh = layout.partition(":")
        mesh = tuple(map(int, mesh.split(","))) if mesh else None
        with backends.distributed(kind, mesh, sharding.axes(kind)):
            results[layout] = train(objective, int(accumulation))
    print(json.dumps(results))


if __name__ == "__main__":
    main(*sys.argv[1:])
