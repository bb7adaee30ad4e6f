"""Frames are turned and mirrored as the display matrix of the file says."""

import fractions
import struct
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


# What each orientation of EXIF does to a stored image.
EXIF = {
    1: lambda image: image,
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.swapaxes(0, 1),
    6: lambda image: np.rot90(image, -1),
    7: lambda image: image[::-1, ::-1].swapaxes(0, 1),
    8: lambda image: np.rot90(image),
}


@pytest.mark.parametrize("number", EXIF)
def test_a_picture_is_read_as_its_camera_was_held(tmp_path, number):
    import av

    image = np.zeros((32, 64, 3), "uint8")
    image[:16, :, 0], image[16:, :, 2], image[:, :8, 1] = 255, 255, 255
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height = 64, 32
    encoder.pix_fmt, encoder.time_base = "yuvj444p", fractions.Fraction(1, 25)
    frame = av.VideoFrame.from_ndarray(image, format="rgb24")
    [packet] = encoder.encode(frame.reformat(format="yuvj444p"))
    # One entry of a directory: the tag, a short number, one of them.
    entry = struct.pack("<HHIHH", 0x112, 3, 1, number, 0)
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 1) + entry + bytes(4)
    segment = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    path = tmp_path / "held.jpg"
    path.write_bytes(bytes(packet)[:2] + segment + bytes(packet)[2:])

    found = decoding.read_frames(path, [0])[0].astype(int)

    expected = EXIF[number](image).astype(int)
    assert found.shape == expected.shape
    assert abs(found - expected).mean() < 16
