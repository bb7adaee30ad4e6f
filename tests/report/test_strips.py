"""Clips as strips of frames."""

import base64
import io

import numpy as np
import pytest

from layerlock.report import strips

pytest.importorskip("matplotlib")


def pixels(address):
    """The picture at a `data:` address, shape `(rows, columns, 4)`."""
    import matplotlib.image

    kind, code = address.split(",")
    assert kind == "data:image/png;base64"
    image = matplotlib.image.imread(io.BytesIO(base64.b64decode(code)))
    return (image * 255).round().astype("uint8")


def test_frames_are_side_by_side_with_clear_gaps():
    frames = np.full((2, 112, 112, 3), [[[[10]]], [[[200]]]], "uint8")

    image = pixels(strips.strip(frames))

    gap = 112 // 24
    assert image.shape == (112, 2 * 112 + gap, 4)
    assert (image[:, :112] == [10, 10, 10, 255]).all()
    assert (image[:, 112 : 112 + gap, 3] == 0).all()
    assert (image[:, 112 + gap :, :3] == 200).all()


@pytest.mark.parametrize("size, shown", [(2, 112), (112, 112), (224, 112)])
def test_frames_of_any_size_have_about_the_same_size(size, shown):
    image = pixels(strips.strip(np.zeros((1, size, size, 3), "uint8")))

    assert image.shape[:2] == (shown, shown)


def test_a_video_is_sampled_over_its_whole_length():
    frames = np.zeros((80, 112, 112, 3), "uint8")
    frames += np.arange(80, dtype="uint8")[:, None, None, None]

    image = pixels(strips.video(frames))

    starts = np.arange(strips.MAX_FRAMES) * (112 + 112 // 24)
    assert image[0, starts, 0].tolist() == [5, 15, 25, 35, 45, 55, 65, 75]


def test_frames_are_bright_where_weights_are_high():
    frames = np.full((2, 112, 112, 3), 100, "uint8")
    weights = np.array([[[0.0, 1.0]]])

    image = pixels(strips.overlay(frames, weights))

    assert image[0, 0, 0] == 20
    assert image[0, -1, 0] == 100


def test_each_clip_has_its_frames_and_features():
    clips = np.zeros((2, 4, 8, 8, 3), "uint8")
    features = np.random.default_rng(0).normal(size=(2, 2, 2, 2, 5))

    rows = [
        [label for label, _ in clip.rows]
        for clip in strips.feature_strips(
            {"clips": clips, "features": features}
        )
    ]

    assert rows == [["original", "features"]] * 2
