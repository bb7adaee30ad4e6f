"""Parts that Orbax wrote are read back bit for bit."""

import keras
import numpy as np
import pytest

if keras.backend.backend() != "jax":
    pytest.skip("Orbax is JAX's", allow_module_level=True)
pytest.importorskip("orbax.checkpoint")

from layerlock.backends.jax import shards


def variables(generator):
    return {
        "00000_kernel": keras.Variable(generator.normal(size=(4, 6))),
        "00001_count": keras.Variable(
            generator.integers(1, 99), dtype="int32", trainable=False
        ),
    }


def test_variables_are_the_same_again(tmp_path):
    saved = variables(np.random.default_rng(0))
    loaded = variables(np.random.default_rng(1))

    shards.save_shards(tmp_path, saved).wait()
    shards.load_shards(tmp_path, loaded)

    for name, variable in saved.items():
        np.testing.assert_array_equal(loaded[name].numpy(), variable.numpy())


def test_a_part_of_what_was_saved_is_read(tmp_path):
    saved = variables(np.random.default_rng(0))
    loaded = variables(np.random.default_rng(1))
    shards.save_shards(tmp_path, saved).wait()
    name = "00000_kernel"
    some = {name: loaded[name]}

    shards.load_shards(tmp_path, some, is_part=True)

    np.testing.assert_array_equal(loaded[name].numpy(), saved[name].numpy())
    with pytest.raises(ValueError):  # the checkpoint has more
        shards.load_shards(tmp_path, some)


def test_later_changes_are_not_saved(tmp_path):
    saved = variables(np.random.default_rng(0))
    before = saved["00000_kernel"].numpy().copy()

    writing = shards.save_shards(tmp_path, saved)
    saved["00000_kernel"].assign(np.zeros((4, 6)))
    writing.wait()
    shards.load_shards(tmp_path, saved)

    np.testing.assert_array_equal(saved["00000_kernel"].numpy(), before)
