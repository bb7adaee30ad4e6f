"""Runs a function the way each backend compiles it."""

import functools

import keras
import pytest
from keras import ops


def compilers():
    """Returns the ways to run a function on this backend, by name."""
    if keras.backend.backend() == "jax":
        import jax

        return {"eager": lambda function: function, "jit": jax.jit}
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return {
            "eager": lambda function: function,
            "graph": tf.function,
            "xla": functools.partial(tf.function, jit_compile=True),
        }
    return {"eager": lambda function: function}


def parametrize_compiler(test):
    """Runs a test once for each way, as its argument `run`.

    `run(function, *integers)` passes the integers as scalar int32 tensors,
    and returns what the function returns as NumPy arrays.
    """
    ways = compilers()

    def runner(way):
        def run(function, *integers):
            tensors = [ops.convert_to_tensor(i, "int32") for i in integers]
            return keras.tree.map_structure(
                ops.convert_to_numpy, ways[way](function)(*tensors)
            )

        return run

    return pytest.mark.parametrize(
        "run", [runner(way) for way in ways], ids=list(ways)
    )(test)
