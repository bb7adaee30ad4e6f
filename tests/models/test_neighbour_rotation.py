import numpy as np
import pytest
from keras import ops

from layerlock.models import neighbour_rotation, rope
from tests.models import networks
from tests.reference import encoder as reference


@pytest.mark.parametrize("kind", neighbour_rotation.KINDS)
@pytest.mark.parametrize("head_dim", [4, 7, 12, 15, 16, 32])
def test_rotation_of_neighbours_equals_the_reference(kind, head_dim):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(5, head_dim)).astype("float32")
    positions = generator.integers(0, 20, (5, 3)).astype("int32")

    frequencies = rope.frequencies(kind, head_dim, 1, 10_000.0)
    cos, sin = rope.rotation(positions, frequencies, "float32")
    x_ = ops.convert_to_tensor(x)
    turned = x_ * cos + neighbour_rotation.swap_neighbours(x_) * sin

    expected = reference.rotate_neighbours(x, positions, kind == "rotary_tiled")
    networks.assert_close(turned, expected)


def test_a_grid_is_stretched_to_the_end_of_another():
    frequencies = rope.frequencies("rotary_interleaved", 12, 1, 10_000.0)

    scaled = rope.stretch(frequencies, (4, 24, 1), (1, 16, 16))

    np.testing.assert_array_equal(scaled[0], frequencies[0])
    np.testing.assert_allclose(scaled[1] * 23, frequencies[1] * 15)
    np.testing.assert_allclose(scaled[2], frequencies[2] * 15)
