import keras
import numpy as np
import pytest

from layerlock.models import LearnedPositions, SinCosPositions
from layerlock.models.positions import check_kind
from tests.models import networks
from tests.reference import encoder as reference


@pytest.fixture
def learned():
    layer = LearnedPositions((2, 3, 4), 5)
    layer.build((None, None, 5))
    return layer


def test_learned_positions_pick_the_row_of_the_table(learned):
    positions = np.int32([[[0, 0, 0], [1, 2, 3], [0, 1, 3]]])

    added = networks.numpy(learned(np.zeros((2, 3, 5), "float32"), positions))

    table = networks.numpy(learned.table)
    expected = table[tuple(positions[0].T)]
    np.testing.assert_array_equal(added, np.stack([expected, expected]))


def test_a_learned_table_is_interpolated_along_each_axis(learned):
    ramp = np.arange(3.0)[None, :, None, None]
    learned.table.assign(np.broadcast_to(ramp, (2, 3, 4, 5)))
    positions = np.int32([[[0, row, 0] for row in range(6)]])

    added = learned(np.zeros((1, 6, 5), "float32"), positions, grid=(4, 6, 2))

    rows = networks.numpy(added)[0, :, 0]
    np.testing.assert_allclose(rows, [0, 0.25, 0.75, 1.25, 1.75, 2])


def test_sincos_positions_equal_the_reference():
    generator = np.random.default_rng(0)
    tokens = generator.normal(size=(2, 5, 44)).astype("float32")
    positions = generator.integers(0, 20, (1, 5, 3)).astype("int32")

    added = SinCosPositions(44)(tokens, positions)

    networks.assert_close(added, tokens + reference.sincos(positions, 44))


@pytest.mark.parametrize(
    "layer",
    [LearnedPositions((2, 3, 4), 5), SinCosPositions(48, 100.0)],
    ids=["learned", "sincos"],
)
def test_position_layers_serialise(layer):
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(layer)
    )

    assert again.get_config() == layer.get_config()


@pytest.mark.parametrize("kind", ["sincos", "sincos_flat", "none"])
def test_a_position_grid_without_use_is_refused(kind):
    with pytest.raises(ValueError, match="cannot be used with"):
        check_kind(kind, (2, 2, 2))
