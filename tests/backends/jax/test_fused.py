"""Functions that JAX traces once."""

import keras
import pytest

if keras.backend.backend() != "jax":
    pytest.skip("the traces are JAX's", allow_module_level=True)

import jax.numpy as jnp

from layerlock import backends


def test_calls_of_one_shape_share_a_trace():
    traces = []

    @backends.fused
    def double(x):
        traces.append(x.shape)
        return x + x

    for _ in range(2):
        double(jnp.ones(3))
    double(jnp.ones(4))

    assert traces == [(3,), (4,)]


def test_a_model_under_other_settings_of_keras_has_a_trace_of_its_own():
    seen = []

    @backends.fused
    def read(x):
        seen.append(keras.config.is_flash_attention_enabled())
        return x

    try:
        read(jnp.ones(3))
        keras.config.disable_flash_attention()
        read(jnp.ones(3))
    finally:
        keras.config.enable_flash_attention()
    read(jnp.ones(3))

    assert seen == [None, False]
