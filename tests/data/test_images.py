"""Frames become images whatever their colour tags claim."""

import numpy as np
import pytest

from layerlock.data import images
from layerlock.data.orientation import Orientation
from tests.data import synthesise

av = pytest.importorskip("av")


class Stream:
    sample_aspect_ratio = None


def frame(**tags):
    image = av.VideoFrame.from_ndarray(synthesise.image(85), format="rgb24")
    image = image.reformat(format="yuv420p")
    for name, value in tags.items():
        setattr(image, name, value)
    return image


@pytest.mark.parametrize(
    ("tag", "values"),
    [
        ("colorspace", range(1, 18)),
        ("color_range", range(4)),
        ("color_primaries", range(25)),
        ("color_trc", range(22)),
    ],
)
def test_any_colour_tag_gives_an_image(tag, values):
    for value in values:
        image = images.ImageReader(Stream())(
            frame(**{tag: value}), Orientation()
        )

        assert image.shape == (48, 64, 3)
        assert synthesise.number(image) == 85


def test_tags_that_ffmpeg_converts_are_obeyed():
    colour = np.full((48, 64, 3), (200, 60, 30), "uint8")
    plain = av.VideoFrame.from_ndarray(colour, format="rgb24")
    shown = {}
    for matrix in (1, 5, 9):
        tagged = plain.reformat(format="yuv420p", dst_colorspace=5)
        tagged.colorspace = matrix
        shown[matrix] = images.ImageReader(Stream())(tagged, Orientation())[
            24, 32
        ].astype(int)

    assert np.abs(shown[5] - (200, 60, 30)).max() <= 4
    for matrix in (1, 9):
        assert np.abs(shown[matrix] - shown[5]).max() >= 5


def test_frames_of_a_later_size_are_scaled_to_the_first():
    read = images.ImageReader(Stream())
    first = read(frame(), Orientation())
    large = av.VideoFrame.from_ndarray(
        synthesise.image(7, 96, 128), format="rgb24"
    )

    second = read(large, Orientation())

    assert second.shape == first.shape == (48, 64, 3)
    assert synthesise.number(second) == 7
