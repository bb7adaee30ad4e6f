"""Everything that random functions of a process without a seed depend on."""

import importlib
import random

import keras
import numpy as np


def random_state():
    """The state of Python, NumPy and the framework, to compare."""
    kind, keys, *rest = np.random.get_state()
    return random.getstate(), kind, keys.tolist(), rest, _of_framework()


def _of_framework():
    name = keras.backend.backend()
    framework = importlib.import_module(name)
    if name == "torch":
        return framework.random.get_rng_state().tolist()
    if name == "tensorflow":
        return framework.random.get_global_generator().state.numpy().tolist()
    return None  # JAX has none
