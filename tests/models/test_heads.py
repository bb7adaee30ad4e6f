"""Which linear map predicts which target, and which of them are trained."""

import keras
import numpy as np
import pytest

from layerlock.models.heads import TargetHeads


class Heads(TargetHeads, keras.layers.Layer):
    def __init__(self, num_latent_heads):
        super().__init__()
        self.add_heads(12, 8, num_latent_heads)
        for head in self.heads:
            head.build((None, 8))


def trained(heads):
    return [head.name for head in heads.heads if head.trainable]


def test_one_latent_head_serves_every_block():
    heads = Heads(1)

    assert heads.head_of(0) is heads.pixel_head
    assert heads.head_of(1) is heads.head_of(7) is heads.latent_heads[0]
    assert heads.head_layers((0, 3, 5)) == [
        heads.pixel_head,
        heads.latent_heads[0],
    ]


def test_with_more_each_serves_its_block():
    heads = Heads(3)

    assert heads.head_of(2) is heads.latent_heads[1]
    for target in (-1, 4):
        with pytest.raises(
            ValueError, match=f"No head predicts layer {target}"
        ):
            heads.head_of(target)


def test_only_the_heads_of_the_targets_are_trained():
    heads = Heads(2)

    heads.switch_heads((0,))
    assert trained(heads) == ["pixel_head"]

    heads.switch_heads((2,))
    assert trained(heads) == ["latent_head_2"]


def test_a_reset_renews_heads_that_stay_and_no_others():
    heads = Heads(2)
    heads.switch_heads((0, 1))
    for head in heads.heads:
        head.bias.assign(np.ones(head.bias.shape))

    renewed = heads.switch_heads((1, 2), reset=True)

    stayed = heads.latent_heads[0]
    assert renewed == stayed.variables
    assert not np.any(keras.ops.convert_to_numpy(stayed.bias))
    for head in (heads.pixel_head, heads.latent_heads[1]):
        assert np.all(keras.ops.convert_to_numpy(head.bias) == 1)
