"""PyTorch: eager steps; memory is the size of the tensors autograd saves.

With `jit_compile=True` only the functions of `fused` are compiled. Keras would
pass the whole step to `torch.compile`, which takes minutes and exceeds its
limit of programs, because it specialises on every layer object.
"""

import contextlib

import torch

from layerlock.backends import mesh as meshes, stages
from layerlock.backends.contract import StepCost, variable_bytes
from layerlock.backends.float8 import refuse as refuse_float8
from layerlock.backends.torch.distribution import (
    active,
    clipping,
    parts,
    replicas,
)
from layerlock.backends.torch.distribution.active import (
    distributed as distributed,
    is_sharded as is_sharded,
)
from layerlock.backends.torch.distribution.parts import (
    gathered as gathered,
    joins_frozen as joins_frozen,
    place as place,
    stored as stored,
    whole as whole,
)
from layerlock.backends.torch.distribution.processes import (
    abandon as abandon,
    agree as agree,
    barrier as barrier,
    broadcast as broadcast,
    devices as devices,
    lost as lost,
    process_count as process_count,
    process_index as process_index,
    start_processes as start_processes,
)
from layerlock.backends.torch.distribution.replicas import (
    sends_sums as sends_sums,
)
from layerlock.backends.torch.distribution.rows import (
    all_rows as all_rows,
    global_mean as global_mean,
    global_size as global_size,
    local_rows as local_rows,
    own_rows as own_rows,
)
from layerlock.backends.torch.distribution.shards import (
    load_shards as load_shards,
    save_shards as save_shards,
)
from layerlock.backends.torch.float8 import (
    capability,
    linear_float8 as linear_float8,
)
from layerlock.backends.torch.fusing import (
    cache_programs as cache_programs,
    default_jit_compile as default_jit_compile,
    fused as fused,
    fused_formula as fused_formula,
    leave_stage,
    recomputed as recomputed,
)
from layerlock.backends.torch.operations import (
    attention as attention,
    call_layer as call_layer,
    gelu as gelu,
    layer_normalization as layer_normalization,
    linear as linear,
    move_averages as move_averages,
    multiply_add as multiply_add,
    norm as norm,
    reshape as reshape,
    roll as roll,
    shape as shape,
    shift_right as shift_right,
    split as split,
    take as take,
    take_rows as take_rows,
    without_gradient as without_gradient,
)
from layerlock.backends.torch.step_count import (
    optimizer_steps as optimizer_steps,
)
from layerlock.backends.torch.tracing import (
    named_step as named_step,
    tracing as tracing,
)
from layerlock.backends.torch.train_step import TrainStep as TrainStep
from layerlock.backends.torch.transfers import (
    constant as constant,
    to_device as to_device,
)


def sync_state(model):
    pass  # Variables are always current.


def variable_scope(model):
    return contextlib.nullcontext()


def renew_step(model, frozen_variables):
    for variable in frozen_variables:
        variable.value.grad = None
    model.saved_bytes = None
    model.has_run = False
    leave_stage(model)
    replicas.unwrap(model)
    if active.is_sharded():
        parts.join_frozen(model)
    model.test_function = None
    model.predict_function = None
    stages.reset(model)
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    # Keras keeps a second list of a layer's weights for PyTorch, which would
    # keep weights in memory that a teacher no longer uses.
    for layer in model._flatten_layers():
        if hasattr(layer, "_torch_params"):
            layer._track_variables()
    if model.train_function is not None:
        model.make_train_function(force=True)


def compile_ahead(model, config, make_model):
    return None  # `fused` compiles while the first batch waits.


def runs_eagerly(model):
    return True  # `fused` compiles parts of a step.


def is_idle(tensor):
    # Of the default stream, and without a wait.
    return tensor.device.type != "cuda" or torch.cuda.current_stream().query()


def compiled(model, function, example=None):
    return torch.no_grad()(function)


def global_norm(gradients):
    # A few fused calls: one call per gradient would be slow.
    known = [gradient for gradient in gradients if gradient is not None]
    halves = (torch.bfloat16, torch.float16)
    known = [x.float() if x.dtype in halves else x for x in known]
    return clipping.total_norm(known).to(torch.float32)


def preserved_random_state():
    # Explicit, or PyTorch warns of several devices. A device that is not in
    # use has no state yet.
    in_use = torch.cuda.is_initialized()
    devices = range(torch.cuda.device_count()) if in_use else ()
    return torch.random.fork_rng(devices)


def measure_step(model) -> StepCost:
    if not model.has_run:
        return StepCost()
    saved = getattr(model, "saved_bytes", None)
    if torch.cuda.is_available():
        peak = torch.cuda.max_memory_allocated()
    elif saved is None:
        peak = None
    else:
        held = variable_bytes(model.variables + model.optimizer.variables)
        gradients = variable_bytes(model.trainable_variables)
        peak = held + gradients + saved
    return StepCost(activation_bytes=saved, peak_bytes=peak)


def unsupported(
    *,
    float8=False,
    distribution=None,
    mesh=None,
    batch_size=None,
    num_devices=None,
    **options,
) -> str | None:
    if float8 and num_devices is None:
        reason = refuse_float8(capability())
        if reason:
            return reason
    if num_devices is not None:
        return meshes.refuse(distribution, mesh, batch_size, num_devices)
    return active.refuse(distribution, mesh, batch_size)


def versions() -> dict:
    return {"torch": torch.__version__}
