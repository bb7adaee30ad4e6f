"""Reads a batch in one of two processes, whose devices alternate.

Run as `python -m tests.backends.jax.interleaved MESH...`, with the environment
of `layouts`. Prints for each mesh, such as `4,2`, the rows that this process
reads, the shape of the global batch, and whether its devices have the right
rows.
"""

import json
import os
import sys

import jax
import keras
import numpy as np

from layerlock import backends
from layerlock.models import sharding

BATCH = np.arange(16 * 3).reshape(16, 3)


def alternate():
    """Makes JAX list one device of each process in turn, as TPUs may be."""
    listed = jax.devices

    def devices(*args, **kwargs):
        found = listed(*args, **kwargs)
        return sorted(found, key=lambda one: (one.id % 4, one.process_index))

    jax.devices = devices


def read(mesh):
    """One batch, as `fit` gives it to the devices."""
    with backends.distributed("fsdp", mesh, sharding.axes("fsdp")):
        rows = backends.local_rows(len(BATCH))
        layout = keras.distribution.distribution().get_data_layout(BATCH.shape)
        batch = jax.make_array_from_process_local_data(
            layout.backend_layout, BATCH[rows]
        )
    return {
        "rows": [rows.start, rows.stop],
        "shape": batch.shape,
        "is_right": batch.shape == BATCH.shape
        and all(
            np.array_equal(BATCH[shard.index], shard.data)
            for shard in batch.addressable_shards
        ),
    }


def main(*meshes):
    backends.start_processes(
        os.environ["JAX_COORDINATOR_ADDRESS"],
        int(os.environ["PROCESSES"]),
        int(os.environ["PROCESS"]),
    )
    alternate()
    found = {mesh: read(tuple(map(int, mesh.split(",")))) for mesh in meshes}
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
