"""Transfers from the host to the device without synchronisation."""

import functools
import threading

import keras
import numpy as np
import torch

from layerlock.backends import keras_internals

MAX_CONSTANTS = 256

# On CUDA, copying a number from the host waits for all kernels in the queue.
# By content, type, shape, precision and device, which is all that a constant
# depends on: models that share one do not affect each other.
_constants = {}
_lock = threading.Lock()


def constant(value, dtype):
    if torch.compiler.is_dynamo_compiling():  # a program holds the number
        return keras.ops.convert_to_tensor(value, dtype)
    array, device = np.asarray(value), current_device()
    key = array.tobytes(), array.dtype.str, array.shape, dtype, device
    tensor = _constants.get(key)
    if tensor is not None:
        return tensor
    with torch.inference_mode(False):  # or autograd could not use it later
        tensor = torch.tensor(array, dtype=getattr(torch, dtype), device=device)
    if type(tensor) is torch.Tensor:  # not a tensor of a tracer
        with _lock:
            while len(_constants) >= MAX_CONSTANTS:
                del _constants[next(iter(_constants))]  # the oldest
            _constants[key] = tensor
    return tensor


def current_device():
    """The device of new tensors, the same in every thread."""
    return _device_of(keras_internals.device_scope())


@functools.cache
def _device_of(scope):
    return keras.ops.empty(()).device  # takes longer than many operations


def to_device(clips):
    # Keras would copy each batch between two steps, while the device is idle.
    device = current_device()
    if device.type != "cuda":
        return clips
    copies = _copies(device)
    with torch.cuda.device(device), torch.cuda.stream(copies):
        pinned = torch.from_numpy(clips).pin_memory()
        copied = pinned.to(device, non_blocking=True)
    copies.synchronize()
    copied.record_stream(torch.cuda.default_stream(device))  # which trains
    return copied


@functools.cache
def _copies(device):
    return torch.cuda.Stream(device)
