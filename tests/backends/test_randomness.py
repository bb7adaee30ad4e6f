"""One seed, one set of weights, and nothing else changes."""

import random

import keras
import numpy as np
import pytest

import layerlock
from layerlock.backends import randomness
from tests.random_state import random_state


def weights():
    encoder = layerlock.VideoEncoder.from_preset("video_vit_nano")
    return [keras.ops.convert_to_numpy(w) for w in encoder.weights]


def seeded_weights(seed):
    with randomness.seeded(seed):
        return weights()


def test_a_seed_decides_the_weights():
    first, again, other = map(seeded_weights, (1, 1, 2))

    assert all(map(np.array_equal, first, again))
    assert not all(map(np.array_equal, first, other))


def test_weights_are_those_of_keras_own_function():
    keras.utils.set_random_seed(1)

    assert all(map(np.array_equal, weights(), seeded_weights(1)))


def test_the_state_of_the_caller_is_restored():
    before = random_state()

    seeded_weights(1)

    assert random_state() == before


def test_the_state_of_the_caller_is_restored_after_an_error():
    before = random.getstate()

    with pytest.raises(RuntimeError), randomness.seeded(1):
        random.random()
        raise RuntimeError

    assert random.getstate() == before


def test_draws_inside_of_preserved_are_as_if_they_had_not_been():
    random.seed(5)
    with randomness.preserved():
        random.random()

    assert random.random() == random.Random(5).random()
