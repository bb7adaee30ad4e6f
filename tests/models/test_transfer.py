"""Weights that are copied to a network for clips of another size."""

import keras
import numpy as np
import pytest
from keras import ops

from layerlock.models import positions, transfer
from layerlock.models.interpolation import interpolation
from tests.models import networks

LARGER = (8, 24, 32)


@pytest.mark.parametrize("kind", ["learned", "rotary"])
def test_an_encoder_for_larger_clips_has_the_same_features(kind):
    encoder = networks.small_encoder(positions=kind)

    larger = transfer.resized(encoder, LARGER)

    assert larger.grid() == (4, 6, 4)
    clips = networks.clips(shape=LARGER)
    # Called with other clips, an encoder interpolates its positions itself.
    expected = encoder.features(clips)["block_4"]
    networks.assert_close(
        larger.features(clips)["block_4"], networks.numpy(expected)
    )


def test_copied_weights_do_not_follow_their_source():
    source, target = networks.small_encoder(), networks.small_encoder()
    before = networks.weights(source)

    transfer.copy_weights(source, target)
    networks.randomise(source, seed=1)

    for path, value in networks.weights(target).items():
        np.testing.assert_array_equal(value, before[path])


@pytest.mark.skipif(
    keras.backend.backend() == "jax", reason="JAX has float32 by default"
)
def test_tables_in_float64_are_not_rounded():
    table = np.random.default_rng(0).normal(size=(2, 3, 2, 5))

    found = networks.numpy(
        positions.resize_table(ops.convert_to_tensor(table), (4, 3, 4))
    )

    weights = [interpolation(2, 4), interpolation(2, 4)]
    expected = np.einsum("fo,orpd,cp->frcd", weights[0], table, weights[1])
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, atol=1e-14)
