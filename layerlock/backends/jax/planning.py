"""Compiles steps for devices that do not exist."""

import concurrent.futures
import math
import os
import pathlib
import tempfile

import jax
import keras
import numpy as np

from layerlock.backends.jax.collectives import collectives
from layerlock.backends.jax.programs import step_from_shapes
from layerlock.backends.planned import PlannedStep

# The program is never run: code for CPUs need not be fast. Collectives are read
# as the partitioner writes them. Later, XLA's compiler for CPUs replaces
# bfloat16 by float32, which no accelerator does.
_OPTIONS = {
    "xla_backend_optimization_level": 0,
    "xla_llvm_disable_expensive_passes": True,
    "xla_dump_hlo_as_text": True,
    "xla_dump_hlo_pass_re": "spmd-partitioning",
}


def planning_environment(num_devices):
    """See the contract."""
    flags = os.environ.get("XLA_FLAGS", "")
    count = f"--xla_force_host_platform_device_count={num_devices}"
    return {
        "JAX_PLATFORMS": "cpu",
        "JAX_ENABLE_COMPILATION_CACHE": "false",  # no text of the program
        "XLA_FLAGS": f"{flags} {count}".strip(),
    }


def plan_steps(make_models, clips_shape):
    """See the contract."""
    distribution = keras.distribution.distribution()
    sharding = None
    if distribution is not None:
        sharding = distribution.get_data_layout(clips_shape).backend_layout
    clips = jax.ShapeDtypeStruct(clips_shape, "uint8", sharding=sharding)
    # XLA compiles a program on one core.
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        waiting = []
        for make_model in make_models:
            step, state = step_from_shapes(make_model, (clips,))
            lowered = step.jitted.lower(state, (clips,))
            waiting.append(pool.submit(_compile, lowered, state))
        return [one.result() for one in waiting]


def _compile(lowered, state) -> PlannedStep:
    with tempfile.TemporaryDirectory(prefix="layerlock-plan-") as folder:
        program = lowered.compile({**_OPTIONS, "xla_dump_to": folder})
        partitioned = _partitioned(folder)
    trainable, non_trainable, slots, metrics = map(_bytes_here, state)
    return PlannedStep(
        weight_bytes=trainable + non_trainable + metrics,
        slot_bytes=slots,
        scratch_bytes=program.memory_analysis().temp_size_in_bytes,
        collectives=tuple(collectives(partitioned, jax.device_count())),
    )


def _partitioned(folder) -> str:
    """The program as the partitioner wrote it."""
    files = sorted(pathlib.Path(folder).glob("*.after_spmd-partitioning.*.txt"))
    if not files:
        raise RuntimeError(
            f"XLA of JAX {jax.__version__} does not show the program of its "
            "partitioner, of which the collectives are read."
        )
    return files[-1].read_text()


def _bytes_here(shapes) -> int:
    """Bytes that one device holds of arrays of some shapes and shardings."""
    return sum(
        math.prod(
            one.sharding.shard_shape(one.shape) if one.sharding else one.shape
        )
        * np.dtype(one.dtype).itemsize
        for one in shapes
    )
