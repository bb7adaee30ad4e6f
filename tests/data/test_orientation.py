"""Frames are turned and mirrored as the display matrix of the file says."""

import types

import numpy as np
import pytest

from layerlock.data import decoding, orientation
from tests.data import synthesise

pytest.importorskip("av")

# a, b, c, d: a stored pixel (x, y) is shown at (a x + c y, b x + d y).
UPRIGHT = [(1, 0, 0, 1), (0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0)]
MIRRORED = [(-1, 0, 0, 1), (1, 0, 0, -1), (0, 1, 1, 0), (0, -1, -1, 0)]


def shown(image, a, b, c, d):
    """Moves every pixel to where the matrix has it."""
    height, width = image.shape
    rows, columns = np.mgrid[:height, :width]
    x, y = a * columns + c * rows, b * columns + d * rows
    x, y = x - x.min(), y - y.min()
    moved = np.zeros((y.max() + 1, x.max() + 1), image.dtype)
    moved[y, x] = image
    return moved


def frame_with(a, b, c, d):
    matrix = np.array([a, b, 0, c, d, 0, 0, 0, 1 << 14]) * (1 << 16)
    data = {"DISPLAYMATRIX": matrix.astype("<i4").tobytes()}
    return types.SimpleNamespace(side_data=data, rotation=0)


@pytest.mark.parametrize("matrix", UPRIGHT + MIRRORED)
def test_every_matrix_moves_pixels_where_it_has_them(matrix):
    image = np.arange(12).reshape(3, 4)
    orient = orientation.of_frame(frame_with(*matrix))

    assert np.array_equal(orient.upright(image), shown(image, *matrix))
    assert orient.exchanged((3, 4)) == shown(image, *matrix).shape
    assert orient.mirrored == (matrix in MIRRORED)


@pytest.mark.parametrize("matrix", UPRIGHT + MIRRORED)
def test_a_file_with_the_matrix_is_read_as_it_is_shown(tmp_path, matrix):
    path = synthesise.write(tmp_path / "clip.mp4")
    stored = decoding.read_frames(path, [0.75])[0]
    synthesise.set_matrix(path, matrix)

    image = decoding.read_frames(path, [0.75])[0]

    expected = np.stack(
        [shown(stored[..., colour], *matrix) for colour in range(3)], axis=-1
    )
    assert np.array_equal(image, expected)
    facts = decoding.probe(path)
    assert (facts.height, facts.width) == expected.shape[:2]


def test_side_data_that_pyav_does_not_know_leaves_the_rotation():
    class SideData:
        def get(self, name):
            raise ValueError("31 is not a valid Type")

    frame = types.SimpleNamespace(side_data=SideData(), rotation=-90)

    assert orientation.of_frame(frame) == orientation.Orientation(3)
