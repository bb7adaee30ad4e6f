"""Compiled steps: what they take, what they cost, and when they are reused."""

import dataclasses
import time
from collections.abc import Callable

import jax
import keras

from layerlock.backends.contract import StepCost


@dataclasses.dataclass(frozen=True)
class Program:
    """A compiled step.

    Args:
        run: function of state and data.
        cost: `StepCost`. Asking the compiler for it takes a while, which is
            best spent where it is compiled.
    """

    run: Callable
    cost: StepCost


class CompiledStep:
    """A step function, compiled once per shape of its data.

    `jax.jit` would compile it too, but would not tell what the program costs
    in memory and operations without compiling it a second time.

    Args:
        function: of state and data.
        ahead: a `Compilation` that may have its program already, or `None`.
            Defaults to `None`.
        **jit_arguments: as for `jax.jit`.
    """

    def __init__(self, function, ahead=None, **jit_arguments):
        # A fresh function object: `jax.jit` shares its trace cache between
        # equal bound methods, and a step may change without its state's
        # shapes changing, when only the target moves.
        def step(state, data):
            return function(state, data)

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
        program = self.jitted.lower(state, data).compile()
        return Program(program, _cost(program))

    def _program(self, state, data):
        self.data = jax.tree.map(shape_of, data)
        ahead, self.ahead = self.ahead, None
        found = ahead and ahead.take(structure_of((state, data)))
        return found or self.compile(state, data)


def _cost(program) -> StepCost:
    flops = (program.cost_analysis() or {}).get("flops")
    memory = program.memory_analysis()
    if memory is None:
        return StepCost(flops=flops)
    # The device allocator's high-water mark cannot be reset, so it would
    # never show a fall: the compiler's own account is used everywhere.
    return StepCost(
        flops=flops,
        activation_bytes=memory.temp_size_in_bytes,
        peak_bytes=memory.argument_size_in_bytes
        + memory.output_size_in_bytes
        - memory.alias_size_in_bytes
        + memory.temp_size_in_bytes,
    )


def shape_of(leaf) -> jax.ShapeDtypeStruct:
    """Shape and type of an array, or of what will be one."""
    dtype = keras.backend.standardize_dtype(leaf.dtype)
    return jax.ShapeDtypeStruct(leaf.shape, dtype)


def structure_of(tree) -> tuple:
    """What must be equal for a program to fit: structure, shapes, types."""
    leaves, structure = jax.tree.flatten(tree)
    return structure, tuple((leaf.shape, leaf.dtype) for leaf in leaves)


def compile_from_shapes(make_model, data):
    """Compiles the training step of a model without computing anything.

    Args:
        make_model: function that builds a compiled model, optimizer included.
        data: `jax.ShapeDtypeStruct`s of a batch.

    Returns:
        The `Program`, and the shapes of the state that it takes.
    """
    found = []
    # Variables get shapes and no values.
    jax.eval_shape(lambda: found.append(make_model()))
    [model] = found
    state = tuple(
        [jax.ShapeDtypeStruct(v.shape, v.dtype) for v in variables]
        for variables in (
            model.trainable_variables,
            model.non_trainable_variables,
            model.optimizer.variables,
            model.metrics_variables,
        )
    )
    step = CompiledStep(model.train_step, donate_argnums=0)
    return step.compile(state, data), state
