"""JAX: state lives outside the model during `fit`; steps are compiled."""

import contextlib
import dataclasses
import functools
import importlib.util
import os

import jax
import jax.numpy as jnp
import keras

from layerlock.backends import mesh as meshes, stages
from layerlock.backends.contract import StepCost
from layerlock.backends.jax import executions
from layerlock.backends.jax.distribution import (
    distributed as distributed,
    is_sharded as is_sharded,
    local_rows as local_rows,
    refuse_mesh,
)
from layerlock.backends.jax.float8 import linear_float8 as linear_float8
from layerlock.backends.jax.functions import compiled as compiled
from layerlock.backends.jax.next_stage import compile_ahead as compile_ahead
from layerlock.backends.jax.placement import (
    call_layer as call_layer,
    own_rows as own_rows,
    stored as stored,
    whole as whole,
)
from layerlock.backends.jax.planning import (
    plan_steps as plan_steps,
    planning_environment as planning_environment,
)
from layerlock.backends.jax.precision import refuse_precision
from layerlock.backends.jax.processes import (
    abandon as abandon,
    agree as agree,
    barrier as barrier,
    broadcast as broadcast,
    gathered as gathered,
    lost as lost,
    process_count as process_count,
    process_index as process_index,
    start_processes as start_processes,
)
from layerlock.backends.jax.programs import CompiledStep
from layerlock.backends.jax.shards import (
    load_shards as load_shards,
    save_shards as save_shards,
)
from layerlock.backends.jax.tracing import (
    named_step as named_step,
    tracing as tracing,
)
from layerlock.backends.optimizer import of_step


class TrainStep:
    """Training step that logs the gradient norm and is compiled with costs."""

    trains_on_batch = False

    def fit(self, *arguments, **keywords):
        try:
            return super().fit(*arguments, **keywords)
        except jax.errors.JaxRuntimeError as error:
            raise lost(error) or error from error

    def train_on_batch(self, *arguments, **keywords):
        # A batch may have the shape of a stack of batches.
        self.trains_on_batch = True
        try:
            return super().train_on_batch(*arguments, **keywords)
        finally:
            self.trains_on_batch = False

    def train_step(self, state, data):
        trainable, non_trainable, optimizer_variables, metrics = state
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        gradient_function = jax.value_and_grad(
            self.compute_loss_and_updates, has_aux=True
        )
        (_, (loss, outputs, non_trainable, metrics)), gradients = (
            gradient_function(
                trainable,
                non_trainable,
                metrics,
                x,
                y,
                sample_weight,
                training=True,
                optimizer_variables=optimizer_variables,
            )
        )
        with keras.StatelessScope(
            state_mapping=list(
                zip(self.optimizer.variables, optimizer_variables, strict=True)
            )
        ):
            loss_scale = self.optimizer.scale_loss(1.0)
            means = of_step(
                self.optimizer, gradients, self.trainable_variables, loss_scale
            )
            step_logs = self.step_logs(loss, outputs, means, loss_scale)
        trainable, optimizer_variables = self.optimizer.stateless_apply(
            optimizer_variables, gradients, trainable
        )
        # Keras has no public way to update its loss tracker in a custom step.
        logs, metrics = self._update_metrics_variables(
            metrics, loss, x, y, outputs, sample_weight
        )
        logs.update(step_logs)
        non_trainable = self._after_stateless_update(
            trainable, non_trainable, optimizer_variables
        )
        return logs, (trainable, non_trainable, optimizer_variables, metrics)

    def _after_stateless_update(
        self, trainable, non_trainable, optimizer_variables
    ):
        mapping = [
            *zip(self.trainable_variables, trainable, strict=True),
            *zip(self.non_trainable_variables, non_trainable, strict=True),
            *zip(self.optimizer.variables, optimizer_variables, strict=True),
        ]
        with keras.StatelessScope(state_mapping=mapping) as scope:
            self.after_update()
        return [
            scope.get_current_value(variable)
            for variable in self.non_trainable_variables
        ]

    def make_train_function(self, force=False):
        if self.train_function is not None and not force:
            return
        self.compiled_step = None  # no costs are measured without it
        if self.run_eagerly or not self.jit_compile:
            step = functools.partial(executions.run_eagerly, self.train_step)
        else:
            arguments = {"donate_argnums": 0}
            if keras.distribution.distribution() is not None:
                shardings = self._get_state_sharding_spec()
                arguments["out_shardings"] = (None, shardings)
            step = self.compiled_step = CompiledStep(
                self.train_step, self._pop_next_step(), **arguments
            )

        def train_function(state, iterator):
            steps = self.steps_per_execution
            data = executions.take(iterator, steps, self.trains_on_batch)
            logs, state = step(state, data)
            if steps > 1:
                # Keras checks what is assigned, which takes time.
                losses = logs.pop("batch_losses")
                object.__setattr__(self, "batch_losses", losses)
            return logs, state

        self.train_function = train_function

    def _pop_next_step(self):
        """Returns the step that was compiled ahead, if its config fits."""
        ahead, self.next_step = getattr(self, "next_step", None), None
        fits = ahead is not None and ahead.config == self.get_config()
        return ahead if fits else None


@jax.vmap
def take_rows(x, indices):
    # Mapped over the batch, which the partitioner then leaves split. Of a
    # gather from the flattened batch it would sum the result over all devices.
    return jnp.take(x, indices, axis=0)


def fused(function):
    # The whole step is compiled. Nested `jit` shares the trace of a function
    # between its calls and between programs, so its result must depend on the
    # arguments only, and on the settings of Keras that operations read.
    @functools.partial(jax.jit, static_argnums=(0, 1))
    def run(settings, keywords, *arguments):
        return function(*arguments, **dict(keywords))

    @functools.wraps(function)
    def call(*arguments, **keywords):
        settings = (
            keras.config.floatx(),
            keras.config.is_flash_attention_enabled(),
        )
        return run(settings, tuple(sorted(keywords.items())), *arguments)

    return call


def recomputed(function):
    def call(*arguments, **keywords):
        # A new function per call: JAX caches traces by function.
        return jax.checkpoint(functools.partial(function, **keywords))(
            *arguments
        )

    return call


def sync_state(model):
    model.jax_state_sync()


def variable_scope(model):
    return contextlib.nullcontext()


def renew_step(model, frozen_variables):
    # The list of values is in the order of the old variables. If it were kept,
    # an interrupt during the next compilation would write values into the
    # wrong variables.
    model._jax_state = None
    stages.reset(model)
    _reset_functions(model)


def _reset_functions(model):
    model.test_function = None
    model.predict_function = None
    if model.train_function is not None:
        model.make_train_function(force=True)


def runs_eagerly(model):
    return model.run_eagerly


def is_idle(tensor):
    return tensor.is_ready()


def cache_programs(folder):
    # The user's own setting of JAX has priority.
    if not jax.config.jax_compilation_cache_dir:
        jax.config.update("jax_compilation_cache_dir", str(folder))
    if "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS" not in os.environ:
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)


def global_norm(gradients):
    squares = [
        jnp.sum(jnp.square(gradient.astype("float32")))
        for gradient in gradients
        if gradient is not None
    ]
    return jnp.sqrt(sum(squares))


def measure_step(model) -> StepCost:
    step = getattr(model, "compiled_step", None)
    if step is None or step.latest is None:
        return StepCost()
    return dataclasses.replace(
        step.latest.cost, compile_seconds=step.compile_seconds
    )


def unsupported(
    *,
    dtype_policy="float32",
    float8=False,
    distribution=None,
    mesh=None,
    batch_size=None,
    num_devices=None,
    **options,
) -> str | None:
    # The devices of a plan need not be here.
    reason = refuse_precision(dtype_policy, float8 and num_devices is None)
    if reason:
        return reason
    is_run = num_devices is None and jax.device_count() > 1
    in_parts = distribution in ("fsdp", "model")
    if is_run and in_parts and importlib.util.find_spec("orbax") is None:
        return (
            f"distribution={distribution} saves weights in parts with Orbax, "
            "which is not installed. To install it: pip install "
            '"layerlock[jax-sharded]"'
        )
    reason = meshes.refuse(
        distribution, mesh, batch_size, num_devices or jax.device_count()
    )
    if reason or distribution in (None, "none") or num_devices is not None:
        return reason
    return refuse_mesh(distribution, mesh, batch_size)


def devices() -> list[str]:
    return [f"{d.platform}:{d.device_kind}" for d in jax.devices()]


def versions() -> dict:
    return {"jax": jax.__version__}
