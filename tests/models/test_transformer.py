import keras
import numpy as np
import pytest

from layerlock.models import TransformerBlock, transformer
from tests.models import networks
from tests.reference import encoder as reference


@pytest.fixture
def block():
    block = TransformerBlock(num_heads=3, hidden_dim=42, mlp_dim=60)
    block.build((None, None, 42))
    networks.randomise(block)
    return block


def test_a_block_without_rotation_equals_the_reference(block):
    tokens = np.random.default_rng(0).normal(size=(2, 12, 42)).astype("float32")

    output = block(tokens)

    weights = networks.weights(block)
    expected = [reference.block(x, weights, 3, None, "none") for x in tokens]
    networks.assert_close(output, np.stack(expected))


def test_initial_weights_follow_the_paper():
    keras.utils.set_random_seed(0)
    block = TransformerBlock(num_heads=4, hidden_dim=128, mlp_dim=256)
    block.build((None, None, 128))
    weights = networks.weights(block)

    for name in ("qkv_kernel", "attention_output_kernel"):
        assert weights[name].std() == pytest.approx(128**-0.5, rel=0.05)
    limit = (6 / (128 + 256)) ** 0.5
    for name in ("mlp_expand_kernel", "mlp_output_kernel"):
        assert weights[name].max() == pytest.approx(limit, rel=0.05)
        assert weights[name].std() == pytest.approx(limit / 3**0.5, rel=0.05)


def test_normalisation_weights_stay_float32_in_mixed_precision():
    block = TransformerBlock(3, 42, 60, dtype="mixed_bfloat16")

    output = block(np.ones((2, 12, 42), "float32"))

    assert keras.backend.standardize_dtype(output.dtype) == "bfloat16"
    assert {v.dtype for v in block.weights} == {"float32"}


def test_freezing_a_block_freezes_all_of_its_variables(block):
    block.trainable = False

    assert block.trainable_variables == []
    assert len(block.non_trainable_variables) == 12


@pytest.mark.parametrize("rotated", transformer.ROTATED)
def test_a_block_serialises(rotated):
    block = TransformerBlock(
        2,
        12,
        20,
        rotated=rotated,
        epsilon=1e-5,
        activation="silu",
        dtype="mixed_bfloat16",
    )

    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(block)
    )

    assert again.get_config() == block.get_config()


def test_a_width_that_the_heads_do_not_divide_is_refused():
    with pytest.raises(ValueError, match="next multiple is 15"):
        TransformerBlock(num_heads=5, hidden_dim=12, mlp_dim=20)


def test_an_unknown_rotation_is_refused():
    with pytest.raises(ValueError, match="`rotated` must be one of"):
        TransformerBlock(2, 12, 20, rotated="values")


def angles(rotated, batch):
    """A random rotation of 12 tokens of width 42, in heads of 14."""
    if rotated is None:
        return None
    shape = (batch, 12, 42) if rotated == "tokens" else (batch, 12, 1, 14)
    turn = np.random.default_rng(1).normal(size=shape)
    return np.cos(turn).astype("float32"), np.sin(turn).astype("float32")


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("rotated", transformer.ROTATED)
@pytest.mark.parametrize("queries", ["last", "picked"])
def test_outputs_of_queries_alone_are_those_among_all(queries, rotated, batch):
    block = TransformerBlock(3, 42, 60, rotated=rotated)
    block.build((None, None, 42))
    networks.randomise(block)
    tokens = np.random.default_rng(0).normal(size=(2, 12, 42)).astype("float32")
    rotation = angles(rotated, batch)
    indices = np.int32([[7, 8, 9, 10, 11]] * 2)
    if queries == "picked":
        indices = np.int32([[3, 0, 11, 3, 5], [1, 2, 10, 4, 9]])

    found = block(
        tokens,
        rotation,
        queries=5 if queries == "last" else indices,
    )

    expected = networks.numpy(block(tokens, rotation))
    expected = np.take_along_axis(expected, indices[..., None], axis=1)
    networks.assert_close(found, expected)


def test_no_blocks_leave_the_queries_as_they_are():
    tokens = np.arange(24.0).reshape(2, 4, 3)

    found = transformer.run_blocks([], tokens, None, queries=2)

    np.testing.assert_array_equal(found, tokens[:, 2:])


@pytest.mark.parametrize("policy", ["blocks", "attention"])
def test_queries_of_rematerialised_blocks_are_the_same(block, policy):
    tokens = np.random.default_rng(0).normal(size=(2, 12, 42)).astype("float32")
    indices = np.int32([[3, 0], [1, 2]])
    expected = [networks.numpy(block(tokens, queries=q)) for q in (2, indices)]

    block.remat = policy

    for queries, value in zip((2, indices), expected, strict=True):
        networks.assert_close(block(tokens, queries=queries), value)
