"""Private names of Keras that the backends use.

`tests/backends/test_keras_internals.py` checks each name of this list against
the installed Keras. If a later Keras lacks one, the import fails with a clear
message, and not a training step with an `AttributeError`.
"""

import contextlib
import copy
import dataclasses
import importlib
import sys
import types

import keras

VERSIONS = "3.15 and 3.16"


def _unfit(lacking) -> ImportError:
    return ImportError(
        f"LayerLock works with Keras {VERSIONS}. Received: Keras "
        f"{keras.__version__}, which lacks {lacking}. Install "
        'one that works: pip install "keras>=3.15,<3.17"'
    )


def imported(module: str, name: str | None = None):
    """A private module of Keras, or an object in it.

    Args:
        module: str, such as `"keras.src.utils.module_utils"`.
        name: str. Defaults to `None`: the module itself.

    Raises:
        ImportError: if it is missing, with the versions that work.
    """
    try:
        found = importlib.import_module(module)
        return found if name is None else getattr(found, name)
    except (ImportError, AttributeError) as error:
        raise _unfit([f"{module}.{name}" if name else module]) from error


global_state = imported("keras.src.backend.common.global_state")
module_utils = imported("keras.src.utils.module_utils")
in_stateless_scope = imported(
    "keras.src.backend.common.stateless_scope", "in_stateless_scope"
)
BaseOptimizer = imported("keras.src.optimizers.base_optimizer", "BaseOptimizer")


@dataclasses.dataclass(frozen=True)
class PrivateName:
    """A private attribute of Keras that a backend uses.

    Args:
        owner: class or module with the attribute.
        name: str.
        reason: str, its purpose.
        backend: str, the only backend that uses it. Defaults to `None`: all.
    """

    owner: type | types.ModuleType
    name: str
    reason: str
    backend: str | None = None


_OPTIMIZER = "an optimizer is rebuilt in place when layers freeze"
_FUSED_ADAM = "Adam's update runs as fused calls"
_STEP_COUNT = "an optimizer counts without copies to and from the device"
_LAYERWISE = "each layer has its own learning rate"
_STEP = "our training step updates the loss tracker of Keras"
_CALL = "a training step calls its model without looking at its inputs"
_REPLICAS = "an update runs once per device, after gradients are averaged"

PRIVATE_NAMES = (
    PrivateName(keras.Optimizer, "_clip_gradients", _FUSED_ADAM, "torch"),
    *(
        PrivateName(keras.Optimizer, name, _STEP_COUNT, "torch")
        for name in (
            "_apply_weight_decay",
            "_backend_apply_gradients",
            "_backend_increment_gradient_accumulators",
            "_backend_reset_gradient_accumulators",
            "_backend_update_step",
            "_get_current_learning_rate",
        )
    ),
    PrivateName(keras.Optimizer, "_get_variable_index", _LAYERWISE),
    PrivateName(keras.Optimizer, "_use_weight_decay", _LAYERWISE),
    PrivateName(keras.Optimizer, "_track_variable", _OPTIMIZER),
    PrivateName(keras.Optimizer, "_untrack_variable", _OPTIMIZER),
    PrivateName(keras.Model, "_get_call_context", _CALL, "torch"),
    PrivateName(keras.Model, "_maybe_reset_call_context", _CALL, "torch"),
    PrivateName(
        keras.Model,
        "_flatten_layers",
        "compiled functions of a stage are dropped",
    ),
    PrivateName(keras.Model, "_compute_loss", _STEP, "torch"),
    PrivateName(keras.Model, "_compute_loss", _STEP, "tensorflow"),
    PrivateName(keras.Model, "_update_metrics_variables", _STEP, "jax"),
    PrivateName(
        keras.Model,
        "_make_function",
        "several steps per execution record the loss of each",
        "tensorflow",
    ),
    PrivateName(
        keras.Model, "_get_state_sharding_spec", "states of devices", "jax"
    ),
    PrivateName(
        keras.Model,
        "_maybe_symbolic_build",
        "a strategy would take batches of the data to build a model",
        "tensorflow",
    ),
    *(
        PrivateName(keras.Optimizer, name, _REPLICAS, "tensorflow")
        for name in (
            "_apply_weight_decay",
            "_backend_update_step",
            "_backend_increment_gradient_accumulators",
        )
    ),
    PrivateName(
        keras.Layer,
        "_track_variables",
        "weights that a teacher no longer uses are freed",
        "torch",
    ),
    PrivateName(
        global_state,
        "GLOBAL_STATE_TRACKER",
        "programs compiled in a thread obey the settings of the caller, and "
        "constants lie on the device of a scope",
    ),
)

# Attributes of instances: the class does not have them.
INSTANCE_NAMES = {
    "_accumulated_gradients",
    "_autocast",
    "_available",
    "_backward_hooks",
    "_backward_pre_hooks",
    "_call_has_training_arg",
    "_common_apply",
    "_compiled_trainable_state",
    "_forward_hooks",
    "_forward_pre_hooks",
    "_iterations",
    "_jax_state",
    "_layout",
    "_learning_rate",
    "_loss_tracker",
    "_momentums",
    "_parallel_update_step",
    "_torch_params",
    "_shape",
    "_trainable_variables",
    "_trainable_variables_indices",
    "_value",
    "_variables",
    "_velocities",
}


def missing(backend: str) -> list[str]:
    """The names that the installed Keras lacks.

    Args:
        backend: str, the backend that Keras runs on.
    """
    return [
        f"{entry.owner.__name__}.{entry.name} ({entry.reason})"
        for entry in PRIVATE_NAMES
        if entry.backend in (None, backend)
        and not hasattr(entry.owner, entry.name)
    ]


def check(backend: str):
    """Raises if the installed Keras lacks a private name.

    Args:
        backend: str, the backend that Keras runs on.

    Raises:
        ImportError: with the missing names and the versions that work.
    """
    lacking = missing(backend)
    if lacking:
        raise _unfit(lacking)


def scans_steps() -> bool:
    """Whether Keras itself runs several steps per execution on each backend.

    True from 3.16 on: on JAX as one scan over stacked batches, on PyTorch as a
    loop.
    """
    major, minor, *_ = keras.__version__.split(".")
    return (int(major), int(minor)) >= (3, 16)


def autocast_dtype() -> str | None:
    """The precision in which layers read their weights now, if it is another.

    That of the layer in whose `call` this is.
    """
    scope = getattr(global_state.GLOBAL_STATE_TRACKER, "autocast_scope", None)
    return scope and scope.dtype


def replaces_values() -> bool:
    """Whether a scope may give a variable another value than its own."""
    state = vars(global_state.GLOBAL_STATE_TRACKER)
    if state.get("stateless_scope") is not None:
        return True
    return state.get("torch_device") is not None  # such as "meta"


def refuse_remat_scope():
    """Raises inside of a `keras.RematScope`.

    Keras would call whole layers again, and a model would draw other masks
    than in its forward pass.
    """
    state = vars(global_state.GLOBAL_STATE_TRACKER)
    if state.get("remat_scope_stack"):
        raise ValueError(
            "Blocks compute their activations again with "
            "VideoEncoder(remat='blocks'), and so does the predictor of such "
            "an encoder. Received: a keras.RematScope around the constructor. "
            "Build the layer outside of it."
        )


def device_scope() -> str | None:
    """On PyTorch, the device of the current `keras.device` scope, if any."""
    return getattr(global_state.GLOBAL_STATE_TRACKER, "torch_device", None)


@contextlib.contextmanager
def without_tensorflow():
    """Keeps Keras from importing TensorFlow on another backend.

    To serialise an object, Keras imports TensorFlow wherever it is installed,
    since the object might be one of TensorFlow's types. That takes seconds,
    memory, and lines on the terminal. No effect once TensorFlow is imported.
    """
    lazy = module_utils.tensorflow
    if lazy._available is not None or "tensorflow" in sys.modules:
        yield
        return
    lazy._available = False
    try:
        yield
    finally:
        lazy._available = None


def thread_state() -> dict:
    """A copy of what Keras keeps for the present thread.

    Scopes, flags, and the counters from which it makes names.
    """
    state = vars(global_state.GLOBAL_STATE_TRACKER)
    return {
        name: copy.copy(value) if isinstance(value, dict | list) else value
        for name, value in state.items()
    }


@contextlib.contextmanager
def separate_state(state: dict):
    """Replaces what Keras keeps for the present thread, inside the context.

    Args:
        state: result of `thread_state`, of this or of another thread.
    """
    own = vars(global_state.GLOBAL_STATE_TRACKER)
    before = dict(own)
    own.clear()
    own.update(state)
    try:
        yield
    finally:
        own.clear()
        own.update(before)
