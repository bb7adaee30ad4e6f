"""Weights that are copied to a network for clips of another size."""

import numpy as np
import pytest

from layerlock.models import transfer
from tests.models import networks

LARGER = (8, 24, 32)


@pytest.mark.parametrize("positions", ["learned", "rotary"])
def test_an_encoder_for_larger_clips_has_the_same_features(positions):
    encoder = networks.small_encoder(positions=positions)

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
