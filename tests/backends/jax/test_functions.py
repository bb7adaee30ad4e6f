"""Compiled functions of a model see its weights, and not those of before."""

import keras
import numpy as np
import pytest

if keras.backend.backend() != "jax":
    pytest.skip("the programs are JAX's", allow_module_level=True)

import jax

from layerlock.backends.jax import functions


def build_model():
    model = keras.Sequential([keras.layers.Dense(2), keras.layers.Dense(1)])
    model.build((None, 3))
    model.jax_state_sync = lambda: None
    return model


def batch(rows):
    return np.arange(3 * rows, dtype="float32").reshape(rows, 3)


@pytest.mark.parametrize("example", [None, (batch(4),)])
def test_it_follows_the_weights_and_a_freeze(example):
    model = build_model()
    call = functions.compiled(model, model, example)
    first = call(batch(4))
    np.testing.assert_allclose(first, model(batch(4)), rtol=1e-6)

    for variable in model.variables:
        variable.assign(variable + 1)
    model.layers[0].trainable = False

    later = call(batch(4))
    np.testing.assert_allclose(later, model(batch(4)), rtol=1e-6)
    assert not np.allclose(later, first)


def test_a_program_of_the_example_is_used_and_other_shapes_are_compiled():
    model, traced = build_model(), []

    def function(x):
        traced.append(x.shape)
        return model(x)

    call = functions.compiled(model, function, (batch(4),))
    np.testing.assert_allclose(call(batch(4)), model(batch(4)), rtol=1e-6)
    assert traced == [(4, 3)]  # in the background, and not again

    np.testing.assert_allclose(call(batch(2)), model(batch(2)), rtol=1e-6)
    assert traced == [(4, 3), (2, 3)]


def test_weights_are_arguments_and_not_constants():
    model = build_model()
    model.layers[0].kernel.assign(np.full((3, 2), 12345.0))
    seen = []

    def function(x):
        seen.extend(v.value for v in model.variables)
        return model(x)

    functions.compiled(model, function)(batch(1))

    assert seen and all(isinstance(v, jax.core.Tracer) for v in seen)
