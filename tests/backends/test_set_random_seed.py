"""One seed, one set of weights."""

import keras
import numpy as np

import layerlock
from layerlock import backends


def weights(seed):
    backends.set_random_seed(seed)
    encoder = layerlock.VideoEncoder.from_preset("video_vit_nano")
    return [keras.ops.convert_to_numpy(w) for w in encoder.weights]


def test_a_seed_decides_the_weights():
    first, again, other = weights(1), weights(1), weights(2)

    assert all(map(np.array_equal, first, again))
    assert not all(map(np.array_equal, first, other))


def test_weights_are_those_of_keras_own_function():
    keras.utils.set_random_seed(1)
    encoder = layerlock.VideoEncoder.from_preset("video_vit_nano")
    usual = [keras.ops.convert_to_numpy(w) for w in encoder.weights]

    assert all(map(np.array_equal, usual, weights(1)))
