"""The projector, against NumPy."""

import numpy as np
import pytest

from layerlock.models import Projector, VideoEncoder
from tests.marks import thorough_on
from tests.models import networks
from tests.reference import encoder as reference


def small_projector(encoder):
    projector = Projector(encoder.hidden_dim, mlp_dim=20, embedding_dim=6)
    networks.randomise(projector, seed=1)
    return projector


def tokens_of(encoder):
    shape = (3, 4, encoder.hidden_dim)
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def embed(encoder, projector, tokens, target_layers=()):
    return projector(tokens, None, None, encoder, target_layers)


def test_embeddings_equal_the_reference():
    encoder = networks.small_encoder()
    projector, tokens = small_projector(encoder), tokens_of(encoder)

    (found,) = embed(encoder, projector, tokens)

    weights = networks.weights(projector)
    norm, inner = (
        [weights[f"{name}_{part}"] for part in ("gamma", "beta")]
        for name in ("input_norm", "inner_norm")
    )
    pooled = reference.normalise(tokens.astype("float64"), *norm).mean(axis=1)
    hidden = pooled @ weights["expand/kernel"] + weights["expand/bias"]
    hidden = reference.gelu(reference.normalise(hidden, *inner))
    expected = hidden @ weights["output_map/kernel"]
    expected = expected + weights["output_map/bias"]
    assert networks.numpy(found).shape == (3, 1, 6)
    np.testing.assert_allclose(
        networks.numpy(found)[:, 0], expected, rtol=1e-4, atol=1e-5
    )


def test_the_order_of_the_tokens_is_nothing_to_it():
    encoder = networks.small_encoder()
    projector, tokens = small_projector(encoder), tokens_of(encoder)

    (found,) = embed(encoder, projector, tokens)
    (again,) = embed(encoder, projector, tokens[:, ::-1].copy())

    np.testing.assert_allclose(
        networks.numpy(found), networks.numpy(again), atol=1e-5
    )


def test_it_predicts_no_layer():
    encoder = networks.small_encoder()

    with pytest.raises(ValueError, match=r"target_layers=\(2,\)"):
        embed(encoder, small_projector(encoder), tokens_of(encoder), (2,))


def test_an_encoder_of_another_width_is_refused():
    encoder = networks.small_encoder()
    projector = Projector(encoder.hidden_dim + 4)

    with pytest.raises(ValueError, match="same width"):
        projector.encoder_layers(encoder)


@thorough_on("jax")
@pytest.mark.parametrize(
    "preset, sizes",
    [
        ("video_vit_nano", (96, 256, 32)),
        ("video_vit_base", (768, 2048, 256)),
        ("video_vit_large", (1024, 2048, 256)),
    ],
)
def test_it_suits_the_width_of_the_encoder(preset, sizes):
    encoder = VideoEncoder.from_preset(
        preset, num_layers=1, num_decoder_layers=0
    )

    projector = Projector.for_encoder(encoder)

    assert projector.mlp_sizes == sizes
    assert projector.encoder_layers(encoder) == 1


def test_it_is_rebuilt_from_its_configuration():
    projector = Projector(12, 20, 6, epsilon=1e-3)

    copy = Projector.from_config(projector.get_config())

    assert copy.get_config() == projector.get_config()
