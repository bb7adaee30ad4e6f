"""Exports that compute something else are found out."""

import types

import keras
import numpy as np
import pytest

from layerlock.jobs.conversion import checking
from tests.models import networks
from tests.models.exports import written

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="one backend is enough"
)


class Copy:
    """Features of the encoder, shifted in one layer for one size of clips."""

    def __init__(self, encoder, shift=0.0, frames=4, axes=(0, 1, 2)):
        self.encoder = encoder
        self.shift = shift
        self.frames = frames
        self.axes = axes
        self.shapes = []

    def free_axes(self, encoder):
        return self.axes

    def features(self, path, clips, layers):
        self.shapes.append(clips.shape[:4])
        features = {
            name: networks.numpy(value)
            for name, value in self.encoder.features(clips, layers).items()
        }
        if clips.shape[1] == self.frames:
            features["block_1"] = features["block_1"] + self.shift
        return features


def difference(encoder, **arguments):
    copy = Copy(encoder, **arguments)
    layers = ["block_1", "block_2"]
    return copy, checking.largest_difference(copy, encoder, "", layers, "uint8")


def test_the_same_features_differ_by_rounding_only():
    encoder = written.encoder()

    copy, found = difference(encoder)

    assert found < 1e-6
    assert copy.shapes == [(2, 4, 16, 16), (1, 6, 24, 24)]


def test_sizes_that_are_fixed_are_not_asked_for():
    copy, _ = difference(written.encoder(), axes=(0,))

    assert copy.shapes == [(2, 4, 16, 16), (1, 6, 16, 16)]
    copy, _ = difference(written.encoder(), axes=())
    assert copy.shapes == [(2, 4, 16, 16)]


@pytest.mark.parametrize("frames", [4, 6])
def test_one_layer_of_one_size_is_enough(frames):
    encoder = written.encoder()
    rng = np.random.default_rng(0)
    clips = rng.integers(0, 256, (2, 4, 16, 16, 3)).astype("uint8")
    largest = np.abs(networks.numpy(encoder.features(clips)["block_1"])).max()

    _, found = difference(encoder, shift=0.1 * largest, frames=frames)

    assert found == pytest.approx(0.1, rel=0.3)


def test_features_that_are_not_numbers_are_the_largest_difference():
    _, found = difference(written.encoder(), shift=np.nan)

    assert np.isnan(found) and not found <= checking.LARGEST


@pytest.mark.parametrize(
    "grid, axes, expected",
    [
        ((32, 16, 16), (0, 1, 2), (16, 256, 256)),  # V-JEPA 2 of 64 frames
        ((32, 24, 24), (0,), (4, 384, 384)),
        ((32, 16, 16), (), (64, 256, 256)),
        ((1, 4096, 4096), (1, 2), (2, 512, 1024)),
        ((8, 14, 14), (0, 1, 2), (16, 224, 224)),
    ],
)
def test_large_clips_are_made_smaller_on_free_axes(grid, axes, expected):
    encoder = types.SimpleNamespace(grid=lambda: grid, patch_size=(2, 16, 16))

    assert checking.own_shape(encoder, axes) == expected
