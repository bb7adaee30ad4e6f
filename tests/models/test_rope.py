import keras
import numpy as np
import pytest

from layerlock.models import RotaryEmbedding3D, rope
from tests.models import networks
from tests.reference import encoder as reference


@pytest.fixture
def query_and_key():
    generator = np.random.default_rng(0)
    return generator.normal(size=(2, 1, 1, 1, 26)).astype("float32")


def attention_logit(query, key, query_position, key_position):
    layer = RotaryEmbedding3D()
    query = networks.numpy(layer(query, np.int32([[query_position]])))
    key = networks.numpy(layer(key, np.int32([[key_position]])))
    return float(np.sum(query * key))


@pytest.mark.parametrize("shift", [(1, 0, 0), (0, 2, 0), (0, 0, 3), (4, 5, 6)])
def test_attention_depends_only_on_the_offset(query_and_key, shift):
    here = attention_logit(*query_and_key, (2, 3, 1), (0, 1, 4))

    moved = np.add([(2, 3, 1), (0, 1, 4)], shift).tolist()
    there = attention_logit(*query_and_key, *moved)

    assert there == pytest.approx(here, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_attention_depends_on_the_offset_along_each_axis(query_and_key, axis):
    logits = [
        attention_logit(*query_and_key, offset * np.eye(3)[axis], (0, 0, 0))
        for offset in range(4)
    ]

    assert np.ptp(logits) > 0.1
    assert len(set(np.round(logits, 3))) == 4


@pytest.mark.parametrize("head_dim", [6, 14, 24, 64, 104])
def test_rotation_of_heads_equals_the_reference(head_dim):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(2, 3, 5, head_dim)).astype("float32")
    positions = generator.integers(0, 20, (2, 5, 3)).astype("int32")

    rotated = RotaryEmbedding3D(wavelength=100.0)(x, positions)

    expected = reference.rotate_heads(x, positions[:, None], wavelength=100.0)
    networks.assert_close(rotated, expected)


@pytest.mark.parametrize("dim", [42, 96, 192, 384])
def test_rotation_of_tokens_equals_the_reference(dim):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(2, 5, dim)).astype("float32")
    positions = generator.integers(0, 20, (2, 5, 3)).astype("int32")

    tables = rope.rotation(
        keras.ops.convert_to_tensor(positions),
        rope.token_frequencies(dim, 10_000.0),
        "float32",
    )
    rotated = rope.rotate(keras.ops.convert_to_tensor(x), *tables, part=dim)

    networks.assert_close(rotated, reference.rotate_tokens(x, positions))


@pytest.mark.parametrize("dim", [384, 768, 1024, 1280, 1408, 1664, 1792])
def test_a_tenth_turns_with_time_and_quarters_with_row_and_column(dim):
    turning = np.count_nonzero(rope.token_frequencies(dim, 10_000.0), axis=1)

    assert turning.tolist() == [
        2 * round(fraction * dim / 2) for fraction in (0.10, 0.25, 0.25)
    ]
    still = (rope.token_frequencies(dim, 10_000.0) == 0).all(axis=0)
    assert still.mean() == pytest.approx(0.4, abs=0.01)


def test_leftover_features_are_not_rotated():
    x = np.random.default_rng(0).normal(size=(1, 1, 1, 26)).astype("float32")

    rotated = networks.numpy(RotaryEmbedding3D()(x, np.int32([[[3, 4, 5]]])))

    np.testing.assert_array_equal(rotated[..., 24:], x[..., 24:])


def test_a_bfloat16_layer_tells_256_from_257():
    x = np.ones((1, 1, 2, 24), "float32")
    positions = np.int32([[[0, 0, 256], [0, 0, 257]]])

    rotated = RotaryEmbedding3D(dtype="bfloat16")(x, positions)

    rotated = networks.numpy(keras.ops.cast(rotated, "float32"))
    assert np.abs(rotated[0, 0, 0] - rotated[0, 0, 1]).max() > 0.1


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_tables_of_low_precision_add_less_than_the_rounding_of_their_product(
    dtype,
):
    def rounded(x):
        low = keras.ops.cast(keras.ops.convert_to_tensor(x, "float32"), dtype)
        return networks.numpy(keras.ops.cast(low, "float32"))

    def logits(vectors):  # of every query and every key, variance 1
        query, key = vectors[:, 0].astype("float64")
        return query @ key.T / 8.0

    generator = np.random.default_rng(0)
    x = rounded(generator.normal(size=(2, 1, 200, 64)))
    positions = generator.integers(0, 500, (2, 200, 3)).astype("int32")

    ours = RotaryEmbedding3D(dtype=dtype)(x, positions)

    exact = reference.rotate_heads(x, positions[:, None])
    ours = networks.numpy(keras.ops.cast(ours, "float32"))
    error = np.std(logits(ours) - logits(exact))
    # No table and no product can avoid it: attention gets `dtype`.
    unavoidable = np.std(logits(rounded(exact)) - logits(exact))
    assert error < 1.7 * unavoidable


def test_the_layer_serialises():
    layer = RotaryEmbedding3D(wavelength=100.0, dtype="mixed_bfloat16")

    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(layer)
    )

    assert again.get_config() == layer.get_config()
    assert again.wavelength == 100.0


def test_a_wavelength_of_one_patch_is_refused():
    with pytest.raises(ValueError, match="`wavelength` must be above 1"):
        RotaryEmbedding3D(wavelength=1.0)


def test_a_head_too_small_for_three_axes_is_refused():
    with pytest.raises(ValueError, match="at least 6 features per head"):
        networks.small_encoder(positions="rotary_qk", num_heads=14)


def test_an_odd_width_cannot_rotate():
    with pytest.raises(ValueError, match="an even `hidden_dim`"):
        networks.small_encoder(hidden_dim=45, num_heads=3)
