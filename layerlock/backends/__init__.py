"""The functions of `contract.py`, for the backend that Keras runs on."""

import importlib

import keras

from layerlock.backends import (
    contract,
    keras_internals,
    keras_ops,
    single_process,
)

_MODULES = {
    "jax": "layerlock.backends.jax",
    "torch": "layerlock.backends.torch",
    "tensorflow": "layerlock.backends.tensorflow",
}
_DEFAULTS = (keras_ops, single_process)


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
        if not any(hasattr(one, name) for one in (module, *_DEFAULTS))
    ]
    if missing:
        raise ImportError(
            f"{module.__name__} does not implement the contract of "
            f"layerlock/backends/contract.py. Missing: {missing}."
        )
    return module


def _get(name: str):
    modules = (_module, *_DEFAULTS)
    return next(getattr(one, name) for one in modules if hasattr(one, name))


_module = _load(keras.backend.backend())

TrainStep = _module.TrainStep
linear = _get("linear")
linear_float8 = _get("linear_float8")
gelu = _get("gelu")
layer_normalization = _get("layer_normalization")
shape = _get("shape")
reshape = _get("reshape")
split = _get("split")
attention = _get("attention")
roll = _get("roll")
multiply_add = _get("multiply_add")
shift_right = _get("shift_right")
take = _get("take")
take_rows = _get("take_rows")
norm = _get("norm")
move_averages = _get("move_averages")
optimizer_steps = _get("optimizer_steps")
call_layer = _get("call_layer")
without_gradient = _get("without_gradient")
fused = _module.fused
fused_formula = _get("fused_formula")
recomputed = _module.recomputed
sync_state = _module.sync_state
variable_scope = _module.variable_scope
renew_step = _module.renew_step
compile_ahead = _module.compile_ahead
planning_environment = _get("planning_environment")
plan_steps = _get("plan_steps")
runs_eagerly = _module.runs_eagerly
is_idle = _module.is_idle
default_jit_compile = _get("default_jit_compile")
cache_programs = _module.cache_programs
compiled = _module.compiled
global_norm = _module.global_norm
constant = _get("constant")
preserved_random_state = _get("preserved_random_state")
to_device = _get("to_device")
measure_step = _module.measure_step
tracing = _module.tracing
named_step = _module.named_step
unsupported = _module.unsupported
devices = _module.devices
versions = _module.versions
start_processes = _get("start_processes")
process_index = _get("process_index")
process_count = _get("process_count")
distributed = _get("distributed")
is_sharded = _get("is_sharded")
local_rows = _get("local_rows")
global_size = _get("global_size")
own_rows = _get("own_rows")
all_rows = _get("all_rows")
global_mean = _get("global_mean")
joins_frozen = _get("joins_frozen")
sends_sums = _get("sends_sums")
agree = _get("agree")
broadcast = _get("broadcast")
barrier = _get("barrier")
place = _get("place")
whole = _get("whole")
stored = _get("stored")
lost = _get("lost")
abandon = _get("abandon")
gathered = _get("gathered")
save_shards = _get("save_shards")
load_shards = _get("load_shards")
without_tensorflow = keras_internals.without_tensorflow
