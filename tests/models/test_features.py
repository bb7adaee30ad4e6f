import keras
import numpy as np
import pytest

from layerlock.models import VideoEncoder
from tests.marks import thorough_on
from tests.models import networks
from tests.reference import encoder as reference

SIZES = {
    "num_layers": 2,
    "num_heads": 2,
    "hidden_dim": 24,
    "mlp_dim": 32,
    "num_decoder_layers": 1,
    "epsilon": 1e-3,
}


def expected_features(encoder, clips, positions):
    """The features of all layers of the first clip, in NumPy."""
    patches = networks.numpy(encoder.patchify(clips)).astype("float64")[0]
    twin = networks.twin(encoder)
    tokens = twin.embed(patches, positions)
    if encoder.positions == "sincos_flat":
        tokens = tokens + reference.sincos_flat(np.arange(len(tokens)), 24)
    layers = [tokens, *twin.run(tokens, positions)]
    if encoder.final_norm:
        weights = networks.weights(encoder)
        layers.append(
            reference.normalise(
                layers[-1],
                weights["final_norm/norm_gamma"],
                weights["final_norm/norm_beta"],
                1e-2,
            )
        )
    return layers


@pytest.mark.parametrize(
    "kind, activation",
    [
        ("rotary_tiled", "gelu"),
        ("rotary_interleaved", "gelu_tanh"),
        ("sincos_uniform", "silu"),
        ("sincos_half_time", "gelu"),
        ("sincos_flat", "gelu"),
    ],
)
def test_features_of_released_architectures_equal_the_reference(
    kind, activation
):
    encoder = networks.small_encoder(
        **SIZES,
        positions=kind,
        activation=activation,
        final_norm=True,
        final_norm_epsilon=1e-2,
    )
    clips = networks.clips(batch=1)

    features = encoder.features(clips)

    assert encoder.layer_names[-1] == "final_norm"
    positions = encoder.token_positions()
    for name, wanted in zip(
        encoder.layer_names,
        expected_features(encoder, clips, positions),
        strict=True,
    ):
        values = networks.numpy(features[name]).reshape(wanted.shape)
        networks.assert_close(values, wanted)


def test_a_position_grid_scales_rows_and_columns():
    encoder = networks.small_encoder(
        **SIZES, positions="rotary_interleaved", position_grid=(1, 16, 16)
    )
    clips = networks.clips(batch=1, shape=(4, 20, 16))

    features = encoder.features(clips, ["block_2"])["block_2"]

    grid = (2, 5, 2)
    positions = reference.scaled(
        reference.token_positions(grid), grid, (1, 16, 16)
    )
    wanted = expected_features(encoder, clips, positions)[-1]
    networks.assert_close(networks.numpy(features).reshape(20, 24), wanted)


def test_only_the_last_norm_may_stay_untrained():
    encoder = networks.small_encoder(final_norm=True)

    assert not encoder.output_norm.trainable
    assert encoder.output_norm not in sum(encoder.freezable_layers, ())
    assert encoder.all_layers[-1] is encoder.output_norm


@thorough_on("jax")
def test_the_abilities_of_released_encoders_are_stored(tmp_path):
    encoder = networks.small_encoder(
        positions="learned",
        position_grid=(3, 2, 2),
        epsilon=1e-5,
        activation="silu",
        final_norm=True,
        final_norm_epsilon=1e-3,
    )
    encoder.save_to_preset(tmp_path / "encoder")

    again = VideoEncoder.from_preset(tmp_path / "encoder", clip_shape=(8, 8, 8))

    assert again.position_grid == (3, 2, 2)
    clips = networks.clips(batch=1, shape=(8, 8, 8))
    np.testing.assert_array_equal(
        *(
            networks.numpy(e.features(clips)["final_norm"])
            for e in (encoder, again)
        )
    )


@pytest.mark.parametrize(
    "kind", ["rotary_tiled", "sincos_uniform", "sincos_flat"]
)
def test_released_architectures_run_in_mixed_precision(kind):
    arguments = SIZES | {"positions": kind, "final_norm": True}
    clips = networks.clips(batch=1)

    mixed = networks.small_encoder(**arguments, dtype="mixed_bfloat16")
    features = mixed.features(clips)["final_norm"]

    plain = networks.small_encoder(**arguments).features(clips)["final_norm"]
    assert keras.backend.standardize_dtype(features.dtype) == "bfloat16"
    networks.assert_close(
        keras.ops.cast(features, "float32"),
        networks.numpy(plain).astype("float64"),
        tolerance=5e-2,
    )


def test_a_last_norm_is_in_a_keras_file(tmp_path):
    encoder = networks.small_encoder(**SIZES, final_norm=True)
    encoder.save(tmp_path / "encoder.keras")

    again = VideoEncoder.from_preset(tmp_path / "encoder.keras")

    clips = networks.clips(batch=1)
    np.testing.assert_array_equal(
        *(
            networks.numpy(e.features(clips)["final_norm"])
            for e in (encoder, again)
        )
    )


def test_the_configuration_of_other_encoders_is_as_before():
    config = networks.small_encoder().get_config()

    assert "final_norm" not in config
    assert "position_grid" not in config
