"""Clips are copied to a GPU by the thread that reads them."""

import keras
import pytest

if keras.backend.backend() != "torch":
    pytest.skip("Keras does it on the others", allow_module_level=True)

import numpy as np
import torch

from layerlock import backends

CLIPS = np.arange(48, dtype="uint8").reshape(2, 2, 2, 2, 3)


def test_a_cpu_takes_them_as_they_are():
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    assert backends.to_device(CLIPS) is CLIPS


@pytest.mark.gpu
def test_they_are_on_the_gpu_whatever_becomes_of_the_array():
    array = CLIPS.copy()
    clips = backends.to_device(array)
    array[:] = 0

    assert clips.device.type == "cuda"
    np.testing.assert_array_equal(clips.cpu(), CLIPS)
