"""The profiler of JAX."""

import jax

from layerlock.backends import trace_files


def tracing(folder):
    """See `contract.py`."""
    return jax.profiler.trace(str(trace_files.free_folder(folder)))


def named_step(number):
    """See `contract.py`."""
    return jax.profiler.StepTraceAnnotation(f"step {number}", step_num=number)
