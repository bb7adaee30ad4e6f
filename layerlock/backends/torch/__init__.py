"""PyTorch: eager steps; memory is the size of the tensors autograd saves.

With `jit_compile=True` only the functions of `fused` are compiled. Keras would
pass the whole step to `torch.compile`, which takes minutes and exceeds its
limit of programs, because it specialises on every layer object.
"""

import contextlib

import keras
import torch

from layerlock.backends import (
    keras_internals,
    mesh as meshes,
    optimizer as optimizers,
    stages,
)
from layerlock.backends.contract import StepCost, variable_bytes
from layerlock.backends.torch import fused_adam, loss_tracker, step_count
from layerlock.backends.torch.distribution import (
    active,
    clipping,
    parts,
    processes,
    replicas,
    rows,
)
from layerlock.backends.torch.distribution.active import (
    distributed as distributed,
    is_sharded as is_sharded,
)
from layerlock.backends.torch.distribution.parts import (
    gathered as gathered,
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
    process_count as process_count,
    process_index as process_index,
    start_processes as start_processes,
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
from layerlock.backends.torch.fusing import (
    cache_programs as cache_programs,
    default_jit_compile as default_jit_compile,
    fused as fused,
    fused_formula as fused_formula,
    fusing,
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
    reshape as reshape,
    roll as roll,
    shape as shape,
    shift_right as shift_right,
    split as split,
    take as take,
    take_rows as take_rows,
    without_gradient as without_gradient,
)
from layerlock.backends.torch.saved_tensors import SavedTensors
from layerlock.backends.torch.step_count import (
    optimizer_steps as optimizer_steps,
)
from layerlock.backends.torch.tracing import (
    named_step as named_step,
    tracing as tracing,
)
from layerlock.backends.torch.transfers import constant, to_device as to_device
from layerlock.backends.torch.values import values


class TrainStep:
    """Training step that logs the gradient norm and measures saved tensors."""

    has_run = False
    stage_parts = ()  # weights and metrics

    def train_step(self, data):
        with fusing(self), rows.split_batch(), processes.watched():
            if self.jit_compile or getattr(self, "saved_bytes", None):
                return self._train_step(data)
            with SavedTensors(self.variables) as saved:
                logs = self._train_step(data)
            self.saved_bytes = saved.bytes
            return logs

    def test_step(self, data):
        with fusing(self):
            return super().test_step(data)

    def predict_step(self, data):
        with fusing(self):
            return super().predict_step(data)

    def make_train_function(self, force=False):
        if active.is_sharded():
            parts.place(self)
            clipping.prepare(self.optimizer)
        fused_adam.fuse(self.optimizer)
        step_count.attach(self.optimizer)
        step_count.count_in_place(self.batches_seen)
        self._initialize_ddp()
        if self.train_function is None or force:
            # After `compile` or a freeze, the model may have other ones.
            object.__setattr__(self, "stage_parts", ())
            self.train_function = self._train_on

    def _train_on(self, batches):
        """Trains on the batches of an execution; Keras 3.15 does on one."""
        losses = []
        for data in batches:
            logs = self.train_step(data)
            losses.append(logs["batch_loss"])
        if self.steps_per_execution > 1:
            # Keras checks what is assigned, which takes time.
            object.__setattr__(self, "batch_losses", torch.stack(losses))
        return logs

    def get_metrics_result(self):
        _, metrics = self.stage_parts or ((), self.metrics)
        return loss_tracker.results(metrics)

    def _initialize_ddp(self):  # of Keras 3.16, for its own processes
        if active.current() is not None:
            replicas.wrap(self)
        elif keras_internals.scans_steps():
            super()._initialize_ddp()

    def _should_torch_compile(self):  # Keras 3.15
        return False  # `fused` does.

    def _use_torch_compile(self):  # Keras 3.16
        return False

    def _train_step(self, data):
        if not self.has_run:  # Keras checks each assignment, which takes time
            self.has_run = True
        if not self.stage_parts:
            found = self.weights, self.metrics
            object.__setattr__(self, "stage_parts", found)
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        network = getattr(self, "ddp_model", None) or self
        # The search of `zero_grad` for all weights takes longer than a block.
        # So does that of `trainable_weights`, which finds the same.
        variables = [v for v in self.stage_parts[0] if v.trainable]
        tensors = values(variables)
        for tensor in tensors:
            tensor.grad = None
        with replicas.sending_once(self):
            outputs = network(x, training=True)
            loss = self._compute_loss(
                x=x,
                y=y,
                y_pred=outputs,
                sample_weight=sample_weight,
                training=True,
            )
            scaled_loss = self.optimizer.scale_loss(loss)
            # Gradients of parts are added up, those of copies averaged.
            (scaled_loss / parts.num_parts()).backward()
        mean_loss = rows.global_mean(loss.detach())
        gradients = [tensor.grad for tensor in tensors]
        with torch.no_grad(), clipping.shared_norm(gradients):
            # Keras has no public way to update its tracker in a custom step.
            num_examples = keras.tree.flatten(x)[0].shape[0]
            loss_tracker.track(self._loss_tracker, mean_loss, num_examples)
            loss_scale = self.optimizer.scale_loss(constant(1.0, "float32"))
            means = optimizers.of_step(
                self.optimizer, gradients, variables, loss_scale
            )
            logs = self.step_logs(mean_loss, outputs, means, loss_scale)
            clipping.spread_overflow(self.optimizer, gradients)
            self.optimizer.apply(gradients, variables)
            self.after_update()
        return {
            **self.compute_metrics(x, y, outputs, sample_weight=sample_weight),
            **logs,
        }


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
    distribution=None,
    mesh=None,
    batch_size=None,
    num_devices=None,
    **options,
) -> str | None:
    if num_devices is not None:
        return meshes.refuse(distribution, mesh, batch_size, num_devices)
    return active.refuse(distribution, mesh, batch_size)


def versions() -> dict:
    return {"torch": torch.__version__}
