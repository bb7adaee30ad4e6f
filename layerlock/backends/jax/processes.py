"""Processes of JAX: how they join, agree, and read each other's parts."""

import contextlib
import json
import os

import jax
import keras
import numpy as np
from jax.experimental import multihost_utils

from layerlock.backends import launchers

_HEARTBEAT = 30  # seconds without one, after which a process counts as dead
# With one of these, JAX finds the other processes by itself.
_FOUND_BY_JAX = (
    "JAX_COORDINATOR_ADDRESS",
    "MEGASCALE_COORDINATOR_ADDRESS",
    "TPU_WORKER_HOSTNAMES",
)


def start_processes(coordinator=None, num_processes=None, process_id=None):
    if jax.distributed.is_initialized():
        return
    if coordinator is None and not _has_launcher():
        return
    try:
        jax.distributed.initialize(
            coordinator,
            num_processes,
            process_id,
            heartbeat_timeout_seconds=_HEARTBEAT,
        )
    except (ValueError, RuntimeError) as error:
        raise ValueError(
            "JAX could not join its processes. Start the same command in every "
            "process, before anything else there uses JAX: with srun, or with "
            "`coordinator`, the HOST:PORT of process 0, `num_processes` and "
            f"`process_id`. Reason: {error}"
        ) from error


def _has_launcher() -> bool:
    if launchers.find("SLURM", "Open MPI"):
        return True
    wrong = launchers.find("torchrun")
    if wrong:
        raise ValueError(
            f"torchrun started {wrong.num_processes} processes, which JAX does "
            "not join. Use KERAS_BACKEND=torch, or start JAX's processes with "
            "srun, or with `coordinator`, `num_processes` and `process_id`."
        )
    return any(_names_several(os.environ.get(name)) for name in _FOUND_BY_JAX)


def _names_several(value) -> bool:
    """Whether a variable has an address of others, or a list of hosts."""
    return bool(value) and (":" in value or "," in value)


def process_index():
    return jax.process_index()


def process_count():
    return jax.process_count()


def agree(flag):
    if jax.process_count() == 1:
        return bool(flag)
    flags = multihost_utils.process_allgather(np.array(bool(flag)))
    return bool(np.any(flags))


def broadcast(value):
    if jax.process_count() == 1:
        return value
    content = np.frombuffer(json.dumps(value).encode(), "uint8")
    size = int(multihost_utils.broadcast_one_to_all(np.array(len(content))))
    if jax.process_index():
        content = np.zeros(size, "uint8")
    content = multihost_utils.broadcast_one_to_all(content)
    return json.loads(np.asarray(content, "uint8").tobytes())


def barrier():
    if jax.process_count() > 1:
        multihost_utils.sync_global_devices("layerlock")


def gathered(model):
    if jax.process_count() == 1:
        return contextlib.nullcontext()
    whole = [
        (v, multihost_utils.process_allgather(v.value, tiled=True))
        for v in model.variables
        if not v.value.is_fully_addressable and not v.value.is_fully_replicated
    ]
    return keras.StatelessScope(state_mapping=whole)
