"""The profiler of TensorFlow."""

import tensorflow as tf

from layerlock.backends import trace_files


def tracing(folder):
    """See `contract.py`."""
    return tf.profiler.experimental.Profile(
        str(trace_files.free_folder(folder))
    )


def named_step(number):
    """See `contract.py`."""
    return tf.profiler.experimental.Trace(
        f"step {number}", step_num=number, _r=1
    )
