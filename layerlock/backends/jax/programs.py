"""Compiled steps: their arguments, their cost and their reuse."""

import dataclasses
import time
from collections.abc import Callable

import jax
import keras

from layerlock.backends import keras_internals
from layerlock.backends.contract import StepCost
from layerlock.backends.jax import executions


@dataclasses.dataclass(frozen=True)
class Program:
    """A compiled step.

    Args:
        run: function of state and data.
        cost: `StepCost`. The cost analysis takes time, so it runs with the
            compilation, which may be in the background.
    """

    run: Callable
    cost: StepCost


class CompiledStep:
    """A training step, compiled once per shape of its data.

    The data of several steps, see `executions.take`, are one program, too.

    `jax.jit` alone would have to compile a second time to return the memory
    and the FLOPs of the program.

    Args:
        train_step: function of state and a batch.
        ahead: a `Compilation` of the first program, or `None`. Defaults to
            `None`.
        **jit_arguments: as for `jax.jit`.
    """

    def __init__(self, train_step, ahead=None, **jit_arguments):
        # A new function object: `jax.jit` shares its trace cache between equal
        # bound methods, but a step also changes if only the target moves and
        # the shapes of its state stay the same.
        def step(state, data):
            return executions.run(train_step, state, data)

        self.jitted = jax.jit(step, **jit_arguments)
        self.ahead = ahead
        self.data = None
        self.programs = {}
        self.latest = None
        self.compile_seconds = 0.0

    def __call__(self, state, data):
        key = structure_of(data)
        program = self.programs.get(key)
        if program is None:
            started = time.perf_counter()
            program = self._program(state, data)
            self.compile_seconds += time.perf_counter() - started
            self.programs[key] = program
        self.latest = program
        return program.run(state, data)

    def compile(self, state, data):
        """The program for these arrays, or for arrays of these shapes."""
        return finish(self.jitted.lower(state, data))

    def _program(self, state, data):
        self.data = jax.tree.map(shape_of, data)
        ahead, self.ahead = self.ahead, None
        program = ahead and ahead.take(structure_of((state, data)))
        return program or self.compile(state, data)


def finish(lowered) -> Program:
    """Compiles a step that was traced."""
    program = lowered.compile()
    return Program(program, _cost(program))


def _cost(program) -> StepCost:
    flops = (program.cost_analysis() or {}).get("flops")
    memory = program.memory_analysis()
    if memory is None:
        return StepCost(flops=flops)
    # The peak of the device allocator cannot be reset, so it never falls. The
    # compiler's memory analysis is used on every device.
    return StepCost(
        flops=flops,
        activation_bytes=memory.temp_size_in_bytes,
        peak_bytes=memory.argument_size_in_bytes
        + memory.output_size_in_bytes
        - memory.alias_size_in_bytes
        + memory.temp_size_in_bytes,
    )


def shape_of(leaf) -> jax.ShapeDtypeStruct:
    """Shape and type of an array or of a shape struct.

    Its sharding, too, under a distribution. Without one JAX is free to choose.
    """
    sharding = None
    if keras.distribution.distribution() is not None:
        sharding = getattr(leaf, "sharding", None)
    dtype = keras.backend.standardize_dtype(leaf.dtype)
    return jax.ShapeDtypeStruct(leaf.shape, dtype, sharding=sharding)


def structure_of(tree) -> tuple:
    """Structure, shapes and types that decide whether a program fits."""
    leaves, structure = jax.tree.flatten(tree)
    return structure, tuple((leaf.shape, leaf.dtype) for leaf in leaves)


def step_from_shapes(make_model, data):
    """Builds the training step of a model without computing anything.

    The counters from which Keras makes names are not changed.

    Args:
        make_model: function that builds a compiled model, optimizer included.
        data: `jax.ShapeDtypeStruct`s of a batch.

    Returns:
        The `CompiledStep`, and the shapes of the state that it takes.
    """
    models = []
    # Variables get shapes and no values.
    with keras_internals.separate_state(keras_internals.thread_state()):
        jax.eval_shape(lambda: models.append(make_model()))
    [model] = models
    state = tuple(
        list(map(_shape_of_variable, variables))
        for variables in (
            model.trainable_variables,
            model.non_trainable_variables,
            model.optimizer.variables,
            model.metrics_variables,
        )
    )
    arguments = {"donate_argnums": 0}
    if keras.distribution.distribution() is not None:
        shardings = jax.tree.map(lambda shape: shape.sharding, state)
        arguments["out_shardings"] = (None, shardings)
    return CompiledStep(model.train_step, **arguments), state


def _shape_of_variable(variable) -> jax.ShapeDtypeStruct:
    # Optimizer state has the layout of its weight, which its path lacks.
    layout = variable._layout
    sharding = None if layout is None else layout.backend_layout
    return jax.ShapeDtypeStruct(
        variable.shape, variable.dtype, sharding=sharding
    )


def compile_from_shapes(make_model, data):
    """Compiles the training step of a model without computing anything.

    Args:
        make_model, data: as for `step_from_shapes`.

    Returns:
        The `Program`, and the shapes of the state that it takes.
    """
    step, state = step_from_shapes(make_model, data)
    return step.compile(state, data), state
