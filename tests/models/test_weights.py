"""Weights that layers hold themselves."""

import keras
import numpy as np
import pytest
from keras import ops

from layerlock.models.weights import (
    Linear,
    add_linear,
    add_norm,
    current_values,
)


class Holder(keras.layers.Layer):
    """Has a norm and a linear map, and shows their values."""

    def build(self, input_shape):
        self.norm = add_norm(self, "norm", 3)
        self.linear = add_linear(self, "linear", 3, 2)

    def call(self, x):
        self.seen = [
            keras.backend.standardize_dtype(value.dtype)
            for pair in (self.norm, self.linear)
            for value in current_values(pair)
        ]
        return x


def test_a_linear_map_is_its_formula():
    layer = Linear(2)
    x = np.random.default_rng(0).normal(size=(4, 5, 3)).astype("float32")

    found = ops.convert_to_numpy(layer(x))

    kernel, bias = (v.numpy() for v in (layer.kernel, layer.bias))
    np.testing.assert_allclose(found, x @ kernel + bias, atol=1e-6)
    assert layer.compute_output_shape(x.shape) == found.shape


def test_a_linear_map_comes_back_from_its_config():
    layer = Linear(2, kernel_initializer="zeros", name="head")
    copy = Linear.from_config(layer.get_config())
    assert copy.get_config() == layer.get_config()
    assert not ops.convert_to_numpy(copy(np.ones((1, 1, 3), "float32"))).any()


@pytest.mark.parametrize(
    ("dtype", "linear"),
    [("float32", "float32"), ("mixed_bfloat16", "bfloat16")],
)
def test_norms_keep_the_precision_of_variables(dtype, linear):
    holder = Holder(dtype=dtype)
    holder(np.ones((1, 3), "float32"))

    assert holder.seen == ["float32"] * 2 + [linear] * 2
    names = [v.name for v in holder.weights]
    assert names == ["norm_gamma", "norm_beta", "linear_kernel", "linear_bias"]


def test_norms_begin_as_the_identity():
    holder = Holder()
    holder(np.ones((1, 3), "float32"))
    gamma, beta = (v.numpy() for v in holder.norm)
    np.testing.assert_array_equal(gamma, np.ones(3))
    np.testing.assert_array_equal(beta, np.zeros(3))
