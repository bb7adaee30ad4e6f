"""Which linear map predicts which target, and which of them are trained."""

import keras
import numpy as np
import pytest

from layerlock.models.heads import TargetHeads
from tests.models import networks


class Heads(TargetHeads, keras.layers.Layer):
    def __init__(self, num_latent_heads, predicts_visible=False):
        super().__init__()
        self.add_heads(12, 8, num_latent_heads, predicts_visible)
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


def test_visible_patches_have_heads_of_their_own():
    heads = Heads(2, predicts_visible=True)
    tokens = np.random.default_rng(0).normal(size=(3, 5, 8)).astype("float32")

    heads.switch_heads((0, 2))
    pixels, latents = heads.apply_heads(tokens, (0, 2), num_hidden=2)

    assert trained(heads) == [
        "pixel_head",
        "latent_head_2",
        "visible_pixel_head",
        "visible_latent_head_2",
    ]
    for found, name, visible in (
        (pixels, "pixel_head", "visible_pixel_head"),
        (latents, "latent_head_2", "visible_latent_head_2"),
    ):
        head = {head.name: head for head in heads.heads}
        expected = np.concatenate(
            [
                networks.numpy(head[visible](tokens[:, :3])),
                networks.numpy(head[name](tokens[:, 3:])),
            ],
            axis=1,
        )
        networks.assert_close(found, expected)


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
