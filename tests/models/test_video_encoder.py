import gc
import json

import keras
import numpy as np
import pytest
from keras import ops

from layerlock.models import VideoEncoder
from tests.marks import thorough_on
from tests.models import networks


@pytest.mark.parametrize("kind", networks.POSITIONS)
def test_features_of_every_layer_equal_the_reference(kind):
    encoder = networks.small_encoder(positions=kind)
    clips = networks.clips()
    patches = networks.numpy(encoder.patchify(clips)).astype("float64")
    positions = encoder.token_positions()

    features = encoder.features(clips)

    twin = networks.twin(encoder)
    expected = []
    for clip in patches:
        tokens = twin.embed(clip, positions)
        expected.append([tokens, *twin.run(tokens, positions)])
    for index, name in enumerate(encoder.layer_names):
        networks.assert_close(
            ops.reshape(features[name], (2, 12, 42)),
            np.stack([layers[index] for layers in expected]),
        )


@pytest.mark.parametrize("kind", networks.POSITIONS)
def test_visible_subsets_equal_the_reference(kind):
    encoder = networks.small_encoder(positions=kind)
    patches = networks.numpy(encoder.patchify(networks.clips()))
    visible = np.int32([[7, 0, 3, 10], [2, 11, 5, 1]])
    patches = np.take_along_axis(patches, visible[..., None], axis=1)
    positions = encoder.token_positions()[visible]

    tokens = encoder.embed(patches, positions)
    output = encoder(tokens, positions, first_layer=0, last_layer=3)

    twin = networks.twin(encoder)
    expected = [
        twin.run(twin.embed(p.astype("float64"), q), q, last_layer=3)[-1]
        for p, q in zip(patches, positions, strict=True)
    ]
    networks.assert_close(output, np.stack(expected))


@pytest.mark.parametrize("kind", networks.POSITIONS)
def test_two_halves_of_the_encoder_are_the_whole(kind):
    encoder = networks.small_encoder(positions=kind)
    positions = encoder.token_positions()[None]
    tokens = np.random.default_rng(0).normal(size=(2, 12, 42))
    tokens = ops.convert_to_tensor(tokens, "float32")

    whole = encoder(tokens, positions)
    half = encoder(tokens, positions, last_layer=2)
    halves = encoder(half, positions, first_layer=2)

    np.testing.assert_array_equal(networks.numpy(whole), networks.numpy(halves))


def test_rotated_queries_and_keys_see_only_offsets():
    encoder = networks.small_encoder(positions="rotary_qk")
    positions = encoder.token_positions()[None]
    tokens = np.random.default_rng(0).normal(size=(2, 12, 42)).astype("float32")

    here = encoder(tokens, positions)
    there = encoder(tokens, positions + np.int32([5, 3, 7]))

    networks.assert_close(there, networks.numpy(here), tolerance=1e-4)


@pytest.mark.parametrize("kind", ["rotary", "rotary_qk", "learned", "sincos"])
def test_positions_matter(kind):
    encoder = networks.small_encoder(positions=kind)
    positions = encoder.token_positions()[None]
    patches = np.random.default_rng(0).normal(size=(2, 12, encoder.patch_dim))

    def output(positions):
        tokens = encoder.embed(patches.astype("float32"), positions)
        return networks.numpy(encoder(tokens, positions))

    shuffled = positions[:, ::-1].copy()
    shuffled[:, [0, 3]] = shuffled[:, [3, 0]]
    assert np.abs(output(positions) - output(shuffled)).max() > 1e-3


@thorough_on("jax")
@pytest.mark.parametrize(
    "kind, shape",
    [(kind, (6, 4, 24)) for kind in networks.POSITIONS]
    + [("learned", (2, 4, 8))],
)
def test_other_clip_shapes_than_the_trained_one_work(kind, shape):
    encoder = networks.small_encoder(positions=kind)

    features = encoder.features(networks.clips(shape=shape))

    grid = (shape[0] // 2, shape[1] // 4, shape[2] // 8)
    for value in features.values():
        assert tuple(value.shape) == (2, *grid, 42)
        assert np.isfinite(networks.numpy(value)).all()


def test_features_run_no_further_than_asked():
    encoder = networks.small_encoder()
    for block in encoder.blocks[2:]:
        block.call = None  # would raise

    features = encoder.features(networks.clips(), ["block_2", "embedding"])

    assert list(features) == ["block_2", "embedding"]


def test_features_are_the_same_inside_of_a_compiled_function():
    encoder = networks.small_encoder()

    class Features(keras.Model):
        def call(self, clips):
            return encoder.features(clips, ["block_4"])["block_4"]

    clips = networks.clips()
    compiled = Features().predict(clips, verbose=0)

    eager = networks.numpy(encoder.features(clips)["block_4"])
    networks.assert_close(compiled, eager.astype("float64"))


def test_an_unknown_layer_is_refused_with_the_known_ones():
    encoder = networks.small_encoder()

    with pytest.raises(ValueError, match=r"\['block_5'\].*'block_4'\]"):
        encoder.features(networks.clips(), ["block_5"])


def test_names_and_layers_go_from_the_input_to_the_output():
    encoder = networks.small_encoder(positions="learned")

    assert encoder.layer_names == [
        "embedding",
        "block_1",
        "block_2",
        "block_3",
        "block_4",
    ]
    assert encoder.freezable_layers[0] == (
        encoder.patch_embedding,
        encoder.additive_positions,
        encoder.blocks[0],
    )
    assert encoder.freezable_layers[1:] == [(b,) for b in encoder.blocks[1:]]


def test_every_variable_exists_after_construction_in_the_order_of_depth():
    encoder = VideoEncoder(**networks.SIZES)

    layers = [variable.path.split("/")[1] for variable in encoder.weights]

    assert encoder.built
    assert list(dict.fromkeys(layers)) == [
        "patch_embedding",
        *(f"block_{number}" for number in range(1, 5)),
    ]
    assert len(encoder.weights) == 2 + 4 * 12


def test_the_encoder_is_a_part_of_functional_models():
    encoder = networks.small_encoder()
    tokens = keras.Input((5, 42))
    positions = keras.Input((5, 3), dtype="int32")

    model = keras.Model(
        [tokens, positions],
        encoder(tokens, positions, first_layer=2, last_layer=4),
    )

    assert model.output_shape == (None, 5, 42)
    assert len(model.weights) == len(encoder.weights)


@pytest.mark.parametrize("first, last", [(-1, 2), (3, 2), (0, 5)])
def test_an_impossible_range_of_layers_is_refused(first, last):
    encoder = networks.small_encoder()
    tokens = np.zeros((1, 12, 42), "float32")

    with pytest.raises(ValueError, match="first_layer <= last_layer <= 4"):
        encoder(
            tokens,
            encoder.token_positions()[None],
            first_layer=first,
            last_layer=last,
        )


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"positions": "rope"}, "Unknown positions 'rope'.*'rotary_qk'"),
        ({"num_layers": 0}, "`num_layers` must be at least 1"),
        ({"num_decoder_layers": 5}, "Expected 0 to num_layers=4"),
        ({"hidden_dim": 40}, "multiple of `num_heads`"),
        ({"clip_shape": (4, 13, 16)}, "The rows of the clip"),
    ],
)
def test_impossible_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        VideoEncoder(**{**networks.SIZES, **arguments})


@pytest.mark.parametrize("kind", networks.POSITIONS)
def test_the_configuration_is_plain_json_and_complete(kind):
    encoder = VideoEncoder(
        **networks.SIZES,
        positions=kind,
        wavelength=100.0,
        name="mine",
        dtype=keras.dtype_policies.DTypePolicy("mixed_bfloat16"),
    )

    config = json.loads(json.dumps(encoder.get_config()))
    again = VideoEncoder.from_config(config)

    assert again.get_config() == encoder.get_config()
    assert again.name == "mine"
    assert again.dtype_policy.name == "mixed_bfloat16"
    assert again.wavelength == 100.0


@thorough_on("tensorflow")
@pytest.mark.parametrize(
    "positions, policy",
    [("none", "blocks"), ("rotary", True), ("rotary_qk", "attention")],
)
def test_rematerialised_blocks_learn_the_same(positions, policy):
    clips = networks.clips()

    def learned(remat):
        encoder = networks.small_encoder(
            num_layers=2, positions=positions, remat=remat
        )
        patches = keras.Input((12, encoder.patch_dim))
        places = keras.Input((12, 3), dtype="int32")
        tokens = encoder.embed(patches, places)
        model = keras.Model([patches, places], encoder(tokens, places))
        model.compile("sgd", "mse")
        x = networks.numpy(encoder.patchify(clips))
        p = np.broadcast_to(encoder.token_positions(), (2, 12, 3))
        before = [networks.numpy(v) for v in encoder.trainable_variables]
        model.fit([x, p], x[..., :42], verbose=0)
        return [
            networks.numpy(variable).astype("float64") - value
            for variable, value in zip(
                encoder.trainable_variables, before, strict=True
            )
        ]

    # So that no trace of an earlier call is forgotten by chance.
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        moved, expected = learned(policy), learned(False)
    finally:
        if was_enabled:
            gc.enable()

    for value, reference in zip(moved, expected, strict=True):
        assert np.abs(reference).max() > 1e-6
        networks.assert_close(value, reference, 1e-2)  # differences of weights
