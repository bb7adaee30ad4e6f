"""Steps that are compiled once per shape of their data."""

import keras
import pytest

if keras.backend.backend() != "jax":
    pytest.skip("the programs are JAX's", allow_module_level=True)

import jax
import jax.numpy as jnp

from layerlock.backends.jax.ahead import Compilation
from layerlock.backends.jax.programs import (
    CompiledStep,
    compile_from_shapes,
    shape_of,
    structure_of,
)


class Step:
    """A step that counts how often it is traced."""

    traces = 0

    def __call__(self, state, data):
        self.traces += 1
        return {"sum": data.sum()}, state + data.sum()


def build_model():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    return model


def test_a_step_returns_what_its_function_does():
    logs, state = CompiledStep(Step())(jnp.float32(1), jnp.arange(3.0))

    assert logs["sum"] == 3.0
    assert state == 4.0


def test_data_of_one_shape_are_compiled_for_once():
    function = Step()
    step = CompiledStep(function)

    for _ in range(3):
        step(jnp.float32(0), jnp.ones(4))

    assert function.traces == len(step.programs) == 1


def test_data_of_another_shape_are_compiled_for_again():
    function = Step()
    step = CompiledStep(function)

    for size in (4, 5, 4):
        step(jnp.float32(0), jnp.ones(size))

    assert function.traces == len(step.programs) == 2


def test_two_steps_of_one_function_share_no_trace():
    function = Step()

    for _ in range(2):
        CompiledStep(function)(jnp.float32(0), jnp.ones(4))

    assert function.traces == 2


def test_the_cost_of_the_latest_program_is_known():
    step = CompiledStep(lambda state, data: (data @ data, state))
    assert step.latest is None

    step(jnp.float32(0), jnp.ones((8, 8)))

    assert step.latest.cost.flops == pytest.approx(2 * 8**3, rel=0.2)
    assert step.latest.cost.peak_bytes >= 2 * 8 * 8 * 4
    assert step.compile_seconds > 0


def test_a_program_that_was_compiled_ahead_is_used():
    function = Step()
    state, data = jnp.float32(0), jnp.ones(4)
    program = CompiledStep(Step()).compile(state, data)
    ahead = Compilation(
        lambda: None, lambda traced: program, structure_of((state, data))
    )

    step = CompiledStep(function, ahead)
    step(state, data)

    assert step.latest is program
    assert function.traces == 0


def test_a_program_for_another_shape_is_not_used():
    state, data = jnp.float32(0), jnp.ones(4)
    program = CompiledStep(Step()).compile(state, data)
    ahead = Compilation(
        lambda: None, lambda traced: program, structure_of((state, data))
    )

    step = CompiledStep(Step(), ahead)
    logs, _ = step(state, jnp.ones(6))

    assert step.latest is not program
    assert logs["sum"] == 6.0


def test_shapes_are_those_of_the_arrays():
    shape = shape_of(jnp.ones((2, 3), "bfloat16"))

    assert (shape.shape, shape.dtype) == ((2, 3), jnp.bfloat16)


@pytest.mark.parametrize(
    "other",
    [
        {"x": jnp.ones((2, 4))},
        {"x": jnp.ones((2, 3), "int32")},
        {"y": jnp.ones((2, 3))},
    ],
    ids=["shape", "type", "name"],
)
def test_structures_differ_by_shape_type_and_name(other):
    tree = {"x": jnp.ones((2, 3))}

    assert structure_of(tree) == structure_of({"x": jnp.zeros((2, 3))})
    assert structure_of(tree) != structure_of(other)


def test_a_model_is_compiled_for_from_shapes_alone():
    data = tuple(jax.ShapeDtypeStruct((4, n), "float32") for n in (3, 2))

    program, shapes = compile_from_shapes(build_model, data)
    model = build_model()
    state = tuple(
        [variable.value for variable in variables]
        for variables in (
            model.trainable_variables,
            model.non_trainable_variables,
            model.optimizer.variables,
            model.metrics_variables,
        )
    )
    before = state[0][0].copy()

    _, after = program.run(state, (jnp.ones((4, 3)), jnp.ones((4, 2))))

    assert structure_of(shapes) == structure_of(after)
    assert (after[0][0] != before).any()
