import keras
import numpy as np
import pytest

from layerlock.models.fixed_positions import KINDS, FixedPositions
from tests.models import networks
from tests.reference import encoder as reference

GRID = (3, 4, 5)


def expected(kind, dim):
    positions = reference.token_positions(GRID)
    if kind == "sincos_flat":
        return reference.sincos_flat(np.arange(60), dim)
    return reference.sincos_vjepa(positions, dim, kind == "sincos_uniform")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dim", [16, 24])
def test_fixed_positions_equal_the_reference(kind, dim):
    positions = reference.token_positions(GRID)[None].astype("int32")

    added = FixedPositions(kind, GRID, dim)(
        np.zeros((1, 60, dim), "float32"), positions
    )

    networks.assert_close(added, expected(kind, dim)[None])


def test_the_number_of_a_late_token_is_exact():
    grid = (32, 24, 24)
    positions = np.int32([[[31, 23, 23]]])

    added = FixedPositions("sincos_flat", grid, 64)(
        np.zeros((1, 1, 64), "float32"), positions
    )

    number = np.array([32 * 24 * 24 - 1])
    wanted = reference.sincos_flat(number, 64)[None]
    networks.assert_close(added, wanted, tolerance=1e-6)


@pytest.mark.parametrize("kind", ["sincos_uniform", "sincos_half_time"])
def test_values_of_a_position_grid_are_interpolated(kind):
    wide = FixedPositions(kind, (3, 4, 10), 24, position_grid=GRID)
    tokens = np.zeros((1, 2, 24), "float32")

    added = wide(tokens, np.int32([[[1, 2, 0], [1, 2, 1]]]))

    first, second = expected(kind, 24)[[30, 31]]
    wanted = np.stack([first, 0.75 * first + 0.25 * second])[None]
    networks.assert_close(added, wanted)


@pytest.mark.parametrize("kind", KINDS)
def test_fixed_positions_serialise(kind):
    layer = FixedPositions(kind, GRID, 24, 100.0)

    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(layer)
    )

    assert again.get_config() == layer.get_config()


def test_a_width_that_four_does_not_divide_is_refused():
    with pytest.raises(ValueError, match="multiple of 4 features"):
        FixedPositions("sincos_flat", GRID, 42)
