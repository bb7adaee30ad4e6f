"""A short training of two processes whose blocks are compiled.

Run in each process as `torchrun` would, with the file for what process 0
learnt: `python -m tests.backends.torch.distribution.compiled FILE`.
"""

import functools
import sys

import keras
import numpy as np
import torch
from torch._dynamo.utils import counters

from layerlock import backends
from layerlock.core.freezing.callback import LayerLock
from layerlock.core.freezing.schedules import PiecewiseFreezeSchedule
from tests.backends import spread
from tests.core.freezing import dropped_gradients as freezing
from tests.core.trajectory import adamw, set_same_weights

NUM_BATCHES = 4
EVENTS = [(2, 1)]


def train(kind, jit_compile) -> dict:
    """Trains; returns losses, norms and weights by name.

    Args:
        kind: str, the distribution.
        jit_compile: bool.
    """
    lines = []

    def record(batch, logs):
        lines.append([float(logs["batch_loss"]), float(logs["grad_norm"])])

    with backends.distributed(kind):
        model = freezing.build_model()
        set_same_weights(model)
        add_gain(model.encoder.blocks[-1])
        model.compile(adamw(global_clipnorm=0.5), jit_compile=jit_compile)
        backends.place(model)
        model.fit(
            spread.own_batches(NUM_BATCHES),
            steps_per_epoch=NUM_BATCHES,
            shuffle=False,
            verbose=0,
            callbacks=[
                keras.callbacks.LambdaCallback(on_train_batch_end=record),
                LayerLock(PiecewiseFreezeSchedule(EVENTS)),
            ],
        )
        return {"logs": np.array(lines), **spread.weights(model)}


def add_gain(block):
    """Multiplies the outputs of a block by a weight of shape `()`."""
    block._tracker.unlock()  # It is built.
    gain = block.add_weight(name="gain", shape=(), initializer="ones")
    block._tracker.lock()
    call = block.call
    block.call = lambda *tensors, **keywords: (
        call(*tensors, **keywords) * gain.value
    )


def main(file):
    # Inductor takes half a minute longer, and has tests of its own.
    torch.compile = functools.partial(torch.compile, backend="aot_eager")
    backends.start_processes()
    found = train("fsdp", jit_compile=True)
    if backends.process_index() == 0:
        np.savez(file, compiled=counters["frames"]["ok"], **found)
    backends.barrier()


if __name__ == "__main__":
    main(sys.argv[1])
