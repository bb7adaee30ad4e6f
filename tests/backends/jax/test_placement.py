"""Constraints on where tensors lie, in programs of JAX."""

import keras
import numpy as np
import pytest

if keras.backend.backend() != "jax":
    pytest.skip("the programs are JAX's", allow_module_level=True)

import jax

from layerlock.backends.jax import placement

ROWS = np.ones((4, 3), "float32")


class Several(keras.layers.Layer):
    def call(self, x):
        return {"double": 2 * x, "sums": (x + 1, x + 2)}


@pytest.fixture
def data_parallel():
    before = keras.distribution.distribution()
    devices = keras.distribution.list_devices()[:1]
    keras.distribution.set_distribution(
        keras.distribution.DataParallel(devices=devices)
    )
    yield
    keras.distribution.set_distribution(before)


def constraints(function, *arguments):
    return str(jax.make_jaxpr(function)(*arguments)).count(
        "sharding_constraint"
    )


def test_every_output_of_a_layer_is_split_by_rows(data_parallel):
    layer = Several()
    layer.build(ROWS.shape)

    outputs = jax.jit(lambda x: placement.call_layer(layer, x))(ROWS)

    assert constraints(lambda x: placement.call_layer(layer, x), ROWS) == 3
    np.testing.assert_array_equal(outputs["double"], 2 * ROWS)
    np.testing.assert_array_equal(outputs["sums"][1], ROWS + 2)


def test_nothing_is_constrained_without_a_distribution():
    assert keras.distribution.distribution() is None
    assert constraints(placement.own_rows, ROWS) == 0


def test_weights_that_are_split_are_gathered_before(data_parallel):
    kept, split = (keras.Variable(ROWS, name=name) for name in ("a", "b"))

    def count(cut):
        # In a scope, their values are tensors of the program.
        def read(*tensors):
            mapping = list(zip((kept, split), tensors, strict=True))
            with keras.StatelessScope(state_mapping=mapping):
                return placement.stored((kept, split), cut)

        return constraints(read, ROWS, ROWS)

    assert (count(()), count((split,)), count((kept, split))) == (2, 3, 4)
