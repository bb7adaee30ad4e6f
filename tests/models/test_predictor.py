"""The latent predictor, against NumPy."""

import inspect
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from layerlock.core.pretraining.masks import RandomMask
from layerlock.core.pretraining.model import MaskedPretraining
from layerlock.models import LatentPredictor, PatchwiseDecoder, VideoEncoder
from tests.marks import thorough_on
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


def distance(first, second):
    return np.abs(networks.numpy(first) - networks.numpy(second)).max()


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


def check_float64():
    """Predictions of a float64 model have float64 precision."""
    # No rotation: Keras has no float64 cosine on JAX.
    encoder = networks.small_encoder(positions="learned", dtype="float64")
    predictor = small_predictor(encoder, dtype="float64")
    tokens = np.random.default_rng(0).normal(size=(2, 4, 42))

    (latents,) = predict(encoder, predictor, visible_tokens=tokens)

    weights = networks.weights(predictor)
    positions = encoder.token_positions()
    output = reference.predict(
        weights,
        predictor.num_heads,
        "learned",
        tokens[0],
        positions[np.concatenate([VISIBLE[0], HIDDEN[0]])],
    )
    kernel, bias = (
        weights[f"latent_head_1/{name}"] for name in ("kernel", "bias")
    )
    assert networks.numpy(latents).dtype == np.float64
    networks.assert_close(latents[0], output @ kernel + bias, tolerance=1e-12)


@thorough_on("jax")
def test_a_float64_predictor_is_never_rounded():
    if keras.backend.backend() != "jax":
        check_float64()
        return
    # JAX decides at its start whether it has float64.
    subprocess.run(
        [
            sys.executable,
            "-c",
            "from tests.models import test_predictor as test\n"
            "test.check_float64()",
        ],
        check=True,
        env={**os.environ, "JAX_ENABLE_X64": "1", "PYTHONPATH": os.getcwd()},
    )


def test_each_kind_of_mask_has_its_token():
    encoder = networks.small_encoder()
    predictor = small_predictor(encoder, num_mask_kinds=2)
    (before,) = predict(encoder, predictor, mask_kind=0)
    (other,) = predict(encoder, predictor, mask_kind=1)

    tokens = networks.numpy(predictor.mask_tokens).copy()
    tokens[1] *= -1.0
    predictor.mask_tokens.assign(tokens)

    (after,) = predict(encoder, predictor, mask_kind=0)
    (changed,) = predict(encoder, predictor, mask_kind=1)
    np.testing.assert_array_equal(networks.numpy(after), networks.numpy(before))
    assert distance(other, before) > 1e-3
    assert distance(changed, other) > 1e-3


def test_visible_patches_change_no_prediction_of_the_hidden_ones():
    encoder = networks.small_encoder()
    alone = small_predictor(encoder)
    both = small_predictor(encoder, predicts_visible=True)
    for own, other in zip(both.variables, alone.variables, strict=False):
        own.assign(networks.numpy(other))

    pixels, latents = predict(encoder, both, (0, 2))
    expected = predict(encoder, alone, (0, 2))

    assert pixels.shape == (2, 12, encoder.patch_dim)
    assert latents.shape == (2, 12, encoder.hidden_dim)
    for found, hidden in zip((pixels, latents), expected, strict=True):
        networks.assert_close(found[:, 4:], networks.numpy(hidden))


@pytest.mark.parametrize("kind", networks.POSITIONS)
def test_a_prediction_depends_on_its_position(kind):
    encoder = networks.small_encoder(positions=kind)

    (latents,) = predict(encoder, small_predictor(encoder))

    latents = networks.numpy(latents)
    spread = np.abs(latents - latents[:, :1]).max(axis=-1)[:, 1:]
    if kind == "none":
        assert spread.max() < 1e-5
    else:
        assert spread.min() > 1e-3


def test_a_prediction_depends_on_every_visible_token_of_its_clip():
    encoder = networks.small_encoder()
    predictor = small_predictor(encoder)
    tokens = np.random.default_rng(0).normal(size=(2, 4, 42)).astype("float32")
    (before,) = predict(encoder, predictor, visible_tokens=tokens)

    for index in range(4):
        changed = tokens.copy()
        changed[0, index] = -changed[0, index]
        (after,) = predict(encoder, predictor, visible_tokens=changed)

        error = np.abs(networks.numpy(after) - networks.numpy(before))
        assert error[0].max(axis=-1).min() > 1e-4
        assert error[1].max() < 1e-5


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


def test_both_predictors_are_called_alike():
    calls = [
        inspect.signature(predictor.__call__)
        for predictor in (LatentPredictor, PatchwiseDecoder)
    ]

    assert calls[0] == calls[1]


def test_one_latent_head_serves_every_layer():
    encoder = networks.small_encoder()
    predictor = small_predictor(encoder)

    first, second = predict(encoder, predictor, (1, 2))

    np.testing.assert_array_equal(networks.numpy(first), networks.numpy(second))
    assert predictor.head_layers((1, 2)) == [predictor.latent_heads[0]]


def test_each_layer_has_its_head_when_there_are_several():
    encoder = networks.small_encoder()
    predictor = small_predictor(encoder, num_latent_heads=2)

    first, second = predict(encoder, predictor, (1, 2))

    assert distance(first, second) > 1e-3
    assert predictor.head_layers((2, 0)) == [
        predictor.latent_heads[1],
        predictor.pixel_head,
    ]
    assert predictor.heads == [predictor.pixel_head, *predictor.latent_heads]


def test_no_block_of_the_encoder_runs():
    encoder = networks.small_encoder()
    predictor = small_predictor(encoder)
    (before,) = predict(encoder, predictor)

    networks.randomise(encoder, seed=5)

    (after,) = predict(encoder, predictor)
    np.testing.assert_array_equal(networks.numpy(after), networks.numpy(before))
    assert predictor.encoder_layers(encoder) == encoder.num_layers


@thorough_on("jax", "tensorflow")
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

    assert tuple(latents.shape) == (2, 20, 42)
    if kind != "none":
        assert len(np.unique(networks.numpy(latents)[0, :, 0])) == 20


def test_predictions_are_float32_in_mixed_precision():
    encoder = networks.small_encoder(dtype="mixed_bfloat16")
    predictor = small_predictor(encoder, dtype="mixed_bfloat16")

    predictions = predict(encoder, predictor, (0, 2))

    for prediction in predictions:
        assert keras.backend.standardize_dtype(prediction.dtype) == "float32"
    plain = networks.small_encoder()
    expected = predict(plain, small_predictor(plain), (0, 2))
    for actual, value in zip(predictions, expected, strict=True):
        value = networks.numpy(value).astype("float64")
        networks.assert_close(actual, value, tolerance=5e-2)


def test_it_comes_back_from_its_configuration():
    encoder = networks.small_encoder(positions="learned")
    predictor = small_predictor(
        encoder,
        num_mask_kinds=2,
        num_latent_heads=3,
        wavelength=100.0,
        epsilon=1e-5,
        name="mine",
        trainable=False,
        dtype=keras.dtype_policies.DTypePolicy("mixed_bfloat16"),
    )

    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(predictor)
    )
    again.set_weights(predictor.get_weights())

    config = again.get_config()
    assert config == predictor.get_config()
    arguments = set(inspect.signature(LatentPredictor.__init__).parameters)
    assert arguments - {"self", "kwargs"} <= set(config)
    assert (again.wavelength, again.epsilon) == (100.0, 1e-5)
    assert (again.name, again.trainable) == ("mine", False)
    assert again.dtype_policy.name == "mixed_bfloat16"
    np.testing.assert_array_equal(
        networks.numpy(predict(encoder, again, (3,))[0]),
        networks.numpy(predict(encoder, predictor, (3,))[0]),
    )


@thorough_on("jax", "tensorflow")
@pytest.mark.parametrize(
    ("preset", "layers", "width"),
    [("video_vit_nano", 4, 64), ("video_vit_tiny", 6, 128)],
)
def test_small_encoders_get_small_predictors(preset, layers, width):
    predictor = LatentPredictor.for_encoder(
        VideoEncoder.from_preset(preset), num_mask_kinds=2
    )

    assert predictor.num_layers == len(predictor.blocks) == layers
    assert predictor.predictor_dim == width
    assert predictor.num_mask_kinds == 2


@thorough_on("jax")
def test_encoders_of_the_paper_get_its_predictor():
    encoder = VideoEncoder(
        1, 6, 384, 8, clip_shape=(2, 16, 16), num_decoder_layers=0
    )

    predictor = LatentPredictor.for_encoder(encoder)

    assert (predictor.num_layers, predictor.predictor_dim) == (12, 384)
    assert predictor.blocks[0].mlp_dim == 1536


def test_it_takes_positions_and_precision_from_the_encoder():
    encoder = networks.small_encoder(
        positions="learned", wavelength=100.0, dtype="mixed_bfloat16"
    )

    predictor = LatentPredictor.for_encoder(
        encoder, num_mask_kinds=2, num_latent_heads=4
    )

    assert predictor.positions == "learned"
    assert predictor.clip_grid == encoder.grid()
    assert predictor.wavelength == 100.0
    assert predictor.dtype_policy.name == "mixed_bfloat16"
    assert len(predictor.latent_heads) == 4


@pytest.mark.parametrize(
    "name", ["num_layers", "num_heads", "predictor_dim", "mlp_dim"]
)
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
    with pytest.raises(ValueError, match="mask_kind=-1"):
        predict(encoder, predictor, mask_kind=-1)
    with pytest.raises(ValueError, match="`num_latent_heads=3`"):
        predict(encoder, small_predictor(encoder, num_latent_heads=2), (3,))
    with pytest.raises(ValueError, match="No head predicts layer -1"):
        predict(encoder, predictor, (-1,))
    with pytest.raises(ValueError, match="Unknown positions 'cosine'"):
        small_predictor(encoder, positions="cosine")
    with pytest.raises(ValueError, match="'learned' positions need their grid"):
        small_predictor(encoder, positions="learned", clip_grid=None)


@thorough_on("tensorflow")
@pytest.mark.parametrize("policy", ["blocks", "attention"])
def test_rematerialised_blocks_learn_the_same(policy):
    def learned(remat):
        encoder = networks.small_encoder(num_decoder_layers=0, remat=remat)
        predictor = LatentPredictor.for_encoder(encoder)
        networks.randomise(predictor, seed=1)
        assert {block.remat for block in predictor.blocks} == {remat}
        model = MaskedPretraining(
            encoder, "vjepa", mask=RandomMask(0.5), predictor=predictor
        )
        model.compile(keras.optimizers.SGD(1.0))
        before = [networks.numpy(v).copy() for v in predictor.variables]
        model.train_on_batch(networks.clips())
        return [
            networks.numpy(variable) - value
            for variable, value in zip(predictor.variables, before, strict=True)
        ]

    moved, expected = learned(policy), learned("none")

    largest = max(np.abs(value).max() for value in expected)
    assert largest > 1e-3
    for value, other in zip(moved, expected, strict=True):
        assert np.abs(value - other).max() < 1e-4 * largest


def test_policies_of_blocks_follow_their_numbers():
    encoder = networks.small_encoder()

    predictor = small_predictor(encoder, remat="every_2")
    again = LatentPredictor.from_config(predictor.get_config())

    assert predictor.block_remat == ("none", "blocks")
    assert [block.remat for block in again.blocks] == ["none", "blocks"]
    with pytest.raises(ValueError, match="`remat` must be one of"):
        small_predictor(encoder, remat="some")
