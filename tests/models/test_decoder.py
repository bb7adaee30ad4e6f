import keras
import numpy as np
import pytest

from layerlock.models import PatchwiseDecoder
from tests.models import networks
from tests.reference import encoder as reference

VISIBLE = np.int32([[7, 0, 3, 10], [2, 11, 5, 1]])
HIDDEN = np.int32([[1, 2, 4, 11, 9, 5, 6, 8], [0, 3, 4, 6, 7, 10, 9, 8]])


def small_decoder(encoder, **arguments):
    decoder = PatchwiseDecoder(
        **{
            "hidden_dim": encoder.hidden_dim,
            "patch_dim": encoder.patch_dim,
            "num_decoder_layers": encoder.num_decoder_layers,
            **arguments,
        }
    )
    networks.randomise(decoder, seed=1)
    return decoder


def predict(encoder, decoder, target_layers, dtype="float32"):
    tokens = np.random.default_rng(0).normal(size=(2, 4, encoder.hidden_dim))
    positions = encoder.token_positions()
    return decoder(
        tokens.astype(dtype),
        positions[VISIBLE],
        positions[HIDDEN],
        encoder,
        target_layers,
    )


@pytest.mark.parametrize("kind", networks.POSITIONS)
def test_predictions_equal_the_reference(kind):
    encoder = networks.small_encoder(positions=kind)
    decoder = small_decoder(encoder)

    pixels, latents = predict(encoder, decoder, (0, 2))

    weights = networks.weights(decoder)
    tokens = np.random.default_rng(0).normal(size=(2, 4, 42)).astype("float32")
    positions = encoder.token_positions()
    outputs = np.stack(
        [
            reference.decode(
                networks.twin(encoder),
                weights,
                visible,
                positions[np.concatenate([VISIBLE[row], HIDDEN[row]])],
                num_decoder_layers=2,
            )
            for row, visible in enumerate(tokens)
        ]
    )
    for actual, head in ((pixels, "pixel_head"), (latents, "latent_head_1")):
        expected = outputs @ weights[f"{head}/kernel"] + weights[f"{head}/bias"]
        networks.assert_close(actual, expected)


def test_one_latent_head_serves_every_layer():
    encoder = networks.small_encoder()
    decoder = small_decoder(encoder)

    first, second = predict(encoder, decoder, (1, 2))

    np.testing.assert_array_equal(networks.numpy(first), networks.numpy(second))
    assert decoder.head_layers((1, 2)) == [decoder.latent_heads[0]]


def test_each_layer_has_its_head_when_there_are_several():
    encoder = networks.small_encoder()
    decoder = small_decoder(encoder, num_latent_heads=2)

    first, second = predict(encoder, decoder, (1, 2))

    assert np.abs(networks.numpy(first) - networks.numpy(second)).max() > 1e-3
    assert decoder.head_layers((2, 0)) == [
        decoder.latent_heads[1],
        decoder.pixel_head,
    ]
    assert decoder.heads == [decoder.pixel_head, *decoder.latent_heads]
    with pytest.raises(ValueError, match="`num_latent_heads=3`"):
        decoder.head_layers((3,))


def test_the_encoder_is_not_a_part_of_the_decoder():
    encoder = networks.small_encoder()
    decoder = small_decoder(encoder)

    predict(encoder, decoder, (0,))

    assert len(decoder.weights) == 1 + 2 + 2
    assert decoder.encoder_layers(encoder) == 2


def test_learned_positions_decode_at_another_grid():
    encoder = networks.small_encoder(positions="learned")
    decoder = small_decoder(encoder)
    grid = (2, 6, 2)
    positions = encoder.token_positions(grid)

    (pixels,) = decoder(
        np.zeros((2, 4, 42), "float32"),
        positions[VISIBLE + 12],
        positions[HIDDEN + 12],
        encoder,
        (0,),
        grid=grid,
    )

    assert tuple(pixels.shape) == (2, 8, encoder.patch_dim)
    assert len(np.unique(networks.numpy(pixels)[0, :, 0])) == 8


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
def test_predictions_are_float32_in_mixed_precision(dtype):
    if dtype == "mixed_float16" and keras.backend.backend() == "jax":
        pytest.skip("JAX multiplies no float16 matrices on a CPU")
    encoder = networks.small_encoder(dtype=dtype)
    decoder = small_decoder(encoder, dtype=encoder.dtype_policy)

    predictions = predict(encoder, decoder, (0, 1))

    for prediction in predictions:
        assert keras.backend.standardize_dtype(prediction.dtype) == "float32"
    plain = networks.small_encoder()
    expected = predict(plain, small_decoder(plain), (0, 1))
    for actual, value in zip(predictions, expected, strict=True):
        value = networks.numpy(value).astype("float64")
        networks.assert_close(actual, value, tolerance=5e-2)


def test_the_decoder_serialises_with_its_policy():
    encoder = networks.small_encoder()
    decoder = small_decoder(
        encoder,
        num_latent_heads=3,
        name="mine",
        dtype=keras.dtype_policies.DTypePolicy("mixed_bfloat16"),
    )

    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(decoder)
    )

    assert again.get_config() == decoder.get_config()
    assert again.name == "mine"
    again.set_weights(decoder.get_weights())


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"num_latent_heads": 0}, "`num_latent_heads` must be at least 1"),
        ({"num_decoder_layers": 0}, "`num_decoder_layers` must be at least 1"),
    ],
)
def test_impossible_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        small_decoder(networks.small_encoder(), **arguments)


def test_a_decoder_that_takes_every_block_is_refused():
    encoder = networks.small_encoder()
    decoder = small_decoder(encoder, num_decoder_layers=4)

    with pytest.raises(ValueError, match="must leave at least one"):
        decoder.encoder_layers(encoder)


def test_another_width_than_the_encoder_s_is_refused():
    encoder = networks.small_encoder()

    with pytest.raises(ValueError, match="same width"):
        predict(encoder, small_decoder(encoder, hidden_dim=48), (0,))
