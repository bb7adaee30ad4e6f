"""Counts how often Python asks for a number that the device computes."""

import contextlib
import threading
import traceback

import keras

BACKEND = keras.backend.backend()


class Waits:
    """The reads of tensors by one thread, while `counted` is entered.

    Attributes:
        places: list of the lines of code that read, newest last.
    """

    def __init__(self):
        self.places = []
        self._thread = threading.get_ident()

    def note(self):
        if threading.get_ident() == self._thread:
            frames = traceback.extract_stack(limit=12)[:-2]
            self.places.append(
                " < ".join(f"{f.name}:{f.lineno}" for f in reversed(frames))
            )


@contextlib.contextmanager
def counted(monkeypatch):
    """Context that counts the reads of its thread."""
    waits = Waits()

    def count(owner, *names):
        for name in names:
            monkeypatch.setattr(
                owner, name, _noting(getattr(owner, name), waits)
            )

    with monkeypatch.context() as monkeypatch:
        with _WATCH[BACKEND](count, waits):
            yield waits


def _noting(method, waits):
    if isinstance(method, property):
        return property(_noting(method.fget, waits))

    def noting(*arguments, **keywords):
        waits.note()
        return method(*arguments, **keywords)

    return noting


@contextlib.contextmanager
def _watch_jax(count, waits):
    import jax
    from jax._src.array import ArrayImpl

    try:
        from keras.src.backend.jax import core
    except ImportError:
        from keras.src.backend.jax.ops import core  # Keras 3.16

    count(ArrayImpl, "_value", "__array__", "block_until_ready")
    # NumPy reads arrays of a CPU through their buffer.
    count(core, "convert_to_numpy")
    count(keras.ops, "convert_to_numpy")
    count(jax, "device_get", "block_until_ready")
    yield


@contextlib.contextmanager
def _watch_torch(count, waits):
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    class Scalars(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            if function is torch.ops.aten._local_scalar_dense.default:
                waits.note()
            return function(*args, **(kwargs or {}))

    count(torch.Tensor, "numpy", "cpu", "tolist", "__array__")
    with Scalars():
        yield


@contextlib.contextmanager
def _watch_tensorflow(count, waits):
    import tensorflow as tf

    eager = type(tf.constant(0.0))
    # Keras asks whether there was a batch, which the host knows.
    count(eager, "numpy", "__array__", "__float__", "__int__", "__index__")
    yield


_WATCH = {
    "jax": _watch_jax,
    "torch": _watch_torch,
    "tensorflow": _watch_tensorflow,
}
