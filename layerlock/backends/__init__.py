"""The functions of `contract.py`, for the backend that Keras runs on."""

import importlib

import keras

from layerlock.backends import contract, keras_internals, keras_ops

_MODULES = {
    "jax": "layerlock.backends.jax",
    "torch": "layerlock.backends.torch",
    "tensorflow": "layerlock.backends.tensorflow",
}


def _load(backend: str):
    if backend not in _MODULES:
        raise ImportError(
            f"LayerLock trains on {sorted(_MODULES)}. Received: "
            f"KERAS_BACKEND={backend}. Set the environment variable "
            "KERAS_BACKEND to one of them before Keras is imported."
        )
    keras_internals.check(backend)
    module = importlib.import_module(_MODULES[backend])
    missing = [
        name
        for name in contract.NAMES
        if not hasattr(module, name) and not hasattr(keras_ops, name)
    ]
    if missing:
        raise ImportError(
            f"{module.__name__} does not implement the contract of "
            f"layerlock/backends/contract.py. Missing: {missing}."
        )
    return module


def _get(name: str):
    return getattr(_module, name, None) or getattr(keras_ops, name)


_module = _load(keras.backend.backend())

TrainStep = _module.TrainStep
linear = _get("linear")
gelu = _get("gelu")
layer_normalization = _get("layer_normalization")
reshape = _get("reshape")
split = _get("split")
attention = _get("attention")
take_rows = _get("take_rows")
call_layer = _get("call_layer")
fused = _module.fused
recomputed = _module.recomputed
sync_state = _module.sync_state
variable_scope = _module.variable_scope
renew_step = _module.renew_step
compile_ahead = _module.compile_ahead
cache_programs = _module.cache_programs
compiled = _module.compiled
global_norm = _module.global_norm
constant = _get("constant")
preserved_random_state = _get("preserved_random_state")
to_device = _get("to_device")
measure_step = _module.measure_step
unsupported = _module.unsupported
devices = _module.devices
versions = _module.versions
without_tensorflow = keras_internals.without_tensorflow
