"""Settings of one thread, in another thread."""

import concurrent.futures

import keras
import pytest

if keras.backend.backend() != "jax":
    pytest.skip("the settings are JAX's", allow_module_level=True)

import jax

from layerlock.backends.jax.settings import ThreadSettings

CONTEXTS = {
    "default_matmul_precision": ("jax_default_matmul_precision", "float32"),
    "enable_x64": ("jax_enable_x64", True),
    "debug_nans": ("jax_debug_nans", True),
    "numpy_dtype_promotion": ("jax_numpy_dtype_promotion", "strict"),
    "disable_jit": ("jax_disable_jit", True),
    "default_prng_impl": ("jax_default_prng_impl", "rbg"),
}


def in_a_thread(function):
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result()


@pytest.mark.parametrize("name", CONTEXTS)
def test_a_setting_of_the_caller_holds_in_the_thread(name):
    option, value = CONTEXTS[name]
    with getattr(jax, name)(value):
        settings = ThreadSettings()
        expected = jax.config.values[option]

    def read():
        with settings.applied():
            return jax.config.values[option]

    assert in_a_thread(read) == expected
    assert jax.config.values[option] != expected


def test_the_device_of_the_caller_is_the_device_of_the_thread():
    device = jax.devices()[-1]
    with keras.device("cpu:0"):
        settings = ThreadSettings()

    def place():
        with settings.applied():
            return jax.config.jax_default_device

    assert in_a_thread(place) == device


def test_settings_hold_where_they_were_read_only():
    with jax.debug_nans(True):
        settings = ThreadSettings()
        assert settings.hold()

    assert not settings.hold()


def test_a_setting_that_cannot_be_applied_is_named():
    mesh = jax.make_mesh((1,), ("batch",))
    with jax.set_mesh(mesh):
        settings = ThreadSettings()

    with pytest.raises(RuntimeError, match="abstract_mesh"):
        with settings.applied():
            pass


def test_the_flags_of_keras_hold_in_the_thread():
    keras.config.disable_flash_attention()
    settings = ThreadSettings()

    def read():
        with settings.applied():
            return keras.config.is_flash_attention_enabled()

    try:
        assert in_a_thread(read) is False
        assert in_a_thread(keras.config.is_flash_attention_enabled) is None
    finally:
        keras.config.enable_flash_attention()


def test_names_that_a_thread_makes_are_its_own():
    first = keras.layers.Dense(1).name
    settings = ThreadSettings()

    def make():
        with settings.applied():
            return keras.layers.Dense(1).name

    number = int(first.partition("_")[2] or 0) + 1
    assert in_a_thread(make) == f"dense_{number}"
    assert keras.layers.Dense(1).name == f"dense_{number}"
