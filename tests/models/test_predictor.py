"""The latent predictor, against NumPy."""

import keras
import numpy as np
import pytest

from layerlock.models import LatentPredictor, VideoEncoder
from tests.models import networks
from tests.reference import predictor as reference

VISIBLE = np.int32([[7, 0, 3, 10], [2, 11, 5, 1]])
HIDDEN = np.int32([[1, 2, 4, 11, 9, 5, 6, 8], [0, 3, 4, 6, 7, 10, 9, 8]])


def small_predictor(encoder, **arguments):
    predictor = LatentPredictor(
        **{
            "hidden_dim": encoder.hidden_dim,
            "patch_dim": encoder.patch_dim,
            "num_layers": 2,
            "num_heads": 2,
            "predictor_dim": 28,
            "mlp_dim": 30,
            "positions": encoder.positions,
            "clip_grid": encoder.grid(),
            **arguments,
        }
    )
    networks.randomise(predictor, seed=1)
    return predictor


def predict(encoder, predictor, target_layers=(2,), **changes):
    tokens = np.random.default_rng(0).normal(size=(2, 4, encoder.hidden_dim))
    positions = encoder.token_positions()
    arguments = {
        "visible_tokens": tokens.astype("float32"),
        "visible_positions": positions[VISIBLE],
        "hidden_positions": positions[HIDDEN],
        "encoder": encoder,
        "target_layers": target_layers,
    }
    return predictor(**{**arguments, **changes})


@pytest.mark.parametrize("kind", networks.POSITIONS)
@pytest.mark.parametrize("mask_kind", [0, 1])
def test_predictions_equal_the_reference(kind, mask_kind):
    encoder = networks.small_encoder(positions=kind)
    predictor = small_predictor(encoder, num_mask_kinds=2)

    pixels, latents = predict(encoder, predictor, (0, 2), mask_kind=mask_kind)

    weights = networks.weights(predictor)
    tokens = np.random.default_rng(0).normal(size=(2, 4, 42)).astype("float32")
    positions = encoder.token_positions()
    outputs = np.stack(
        [
            reference.predict(
                weights,
                predictor.num_heads,
                kind,
                visible,
                positions[np.concatenate([VISIBLE[row], HIDDEN[row]])],
                mask_kind,
            )
            for row, visible in enumerate(tokens)
        ]
    )
    for actual, head in ((pixels, "pixel_head"), (latents, "latent_head_1")):
        expected = outputs @ weights[f"{head}/kernel"] + weights[f"{head}/bias"]
        networks.assert_close(actual, expected)


def test_the_order_of_the_hidden_tokens_does_not_matter():
    encoder = networks.small_encoder()
    predictor = small_predictor(encoder)
    order = np.array([3, 1, 7, 0, 2, 6, 5, 4])

    (straight,) = predict(encoder, predictor)
    (shuffled,) = predict(
        encoder,
        predictor,
        hidden_positions=encoder.token_positions()[HIDDEN[:, order]],
    )

    networks.assert_close(shuffled, networks.numpy(straight)[:, order])


def test_no_block_of_the_encoder_runs():
    encoder = networks.small_encoder()
    predictor = small_predictor(encoder)
    (before,) = predict(encoder, predictor)

    networks.randomise(encoder, seed=5)

    (after,) = predict(encoder, predictor)
    np.testing.assert_array_equal(networks.numpy(after), networks.numpy(before))
    assert predictor.encoder_layers(encoder) == encoder.num_layers


@pytest.mark.parametrize("kind", networks.POSITIONS)
def test_other_grids_than_its_own_work(kind):
    encoder = networks.small_encoder(positions=kind)
    predictor = small_predictor(encoder)
    positions = encoder.token_positions((3, 5, 4))

    (latents,) = predict(
        encoder,
        predictor,
        hidden_positions=np.repeat(positions[None, 40:], 2, axis=0),
        grid=(3, 5, 4),
    )

    assert latents.shape == (2, 20, 42)


def test_predictions_are_float32_in_mixed_precision():
    encoder = networks.small_encoder(dtype="mixed_bfloat16")
    predictor = small_predictor(encoder, dtype="mixed_bfloat16")

    (latents,) = predict(encoder, predictor)

    assert keras.backend.standardize_dtype(latents.dtype) == "float32"


def test_it_comes_back_from_its_configuration():
    encoder = networks.small_encoder(positions="learned")
    predictor = small_predictor(encoder, num_mask_kinds=2, num_latent_heads=3)

    again = LatentPredictor.from_config(predictor.get_config())
    again.set_weights(predictor.get_weights())

    np.testing.assert_array_equal(
        networks.numpy(predict(encoder, again, (3,))[0]),
        networks.numpy(predict(encoder, predictor, (3,))[0]),
    )


@pytest.mark.parametrize(
    ("preset", "layers", "width"),
    [("video_vit_nano", 4, 64), ("video_vit_tiny", 6, 128)],
)
def test_small_encoders_get_small_predictors(preset, layers, width):
    predictor = LatentPredictor.for_encoder(VideoEncoder.from_preset(preset), 2)

    assert predictor.num_layers == len(predictor.blocks) == layers
    assert predictor.predictor_dim == width
    assert predictor.num_mask_kinds == 2


def test_encoders_of_the_paper_get_its_predictor():
    encoder = VideoEncoder(
        1, 6, 384, 8, clip_shape=(2, 16, 16), num_decoder_layers=0
    )

    predictor = LatentPredictor.for_encoder(encoder)

    assert (predictor.num_layers, predictor.predictor_dim) == (12, 384)
    assert predictor.blocks[0].mlp_dim == 1536


@pytest.mark.parametrize("name", ["num_layers", "predictor_dim", "mlp_dim"])
def test_sizes_must_be_positive(name):
    with pytest.raises(ValueError, match=f"`{name}` must be at least 1"):
        small_predictor(networks.small_encoder(), **{name: 0})


def test_what_does_not_fit_is_refused():
    encoder = networks.small_encoder()
    predictor = small_predictor(encoder)

    with pytest.raises(ValueError, match="the same width"):
        predict(networks.small_encoder(hidden_dim=36), predictor)
    with pytest.raises(ValueError, match="mask_kind=1"):
        predict(encoder, predictor, mask_kind=1)
    with pytest.raises(ValueError, match="Learned positions need the grid"):
        small_predictor(encoder, positions="learned", clip_grid=None)
