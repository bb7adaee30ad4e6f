"""Weights are on the disk, or there is an error."""

import errno
import gc
import os

import keras
import numpy as np
import pytest

from layerlock.backends import weights


@pytest.fixture
def model():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    model.compile(keras.optimizers.Adam(0.1))
    model.optimizer.build(model.trainable_variables)
    return model


@pytest.fixture(params=["small", "large"])
def limit(request, monkeypatch):
    """A file that is put together in memory, and one that is not."""
    monkeypatch.setattr(weights, "LARGE", 0 if request.param == "large" else 99)


def test_what_is_saved_is_what_keras_saves(model, tmp_path, limit):
    expected = [np.array(v) for v in model.get_weights()]

    weights.save(model, tmp_path / "a.weights.h5")
    model.set_weights([v + 1 for v in expected])
    model.load_weights(tmp_path / "a.weights.h5")

    for found, value in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(found, value)


def test_a_folder_that_looks_remote_is_none(model, tmp_path, monkeypatch):
    (tmp_path / "cfs").mkdir()  # Keras copies what begins with /cfs/
    monkeypatch.chdir(tmp_path)
    weights.save(model, "cfs/a.weights.h5")

    assert os.listdir("cfs") == ["a.weights.h5"]


@pytest.fixture
def full_after():
    """A function that lets no file of this process grow beyond a size."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_file_that_cannot_grow_is_an_error_and_no_crash(
    model, tmp_path, limit, full_after
):
    full_after(3000)

    with pytest.raises(OSError) as refused:
        weights.save(model, tmp_path / "a.weights.h5")
    gc.collect()  # HDF5 closes what is left of the file

    assert refused.value.errno == errno.EFBIG
    assert refused.value.filename == str(tmp_path / "a.weights.h5")


class Failing:
    """A file whose write number `number` fails."""

    def __init__(self, file, number):
        self.file = file
        self.number = number

    def __getattr__(self, name):
        return getattr(self.file, name)

    def write(self, content):
        self.number -= 1
        if self.number == 0:
            raise OSError(errno.EIO, "Input/output error")
        return self.file.write(content)


def test_an_error_at_any_write_is_told(model, tmp_path):
    number, told = 0, 0
    while told == number:
        number += 1
        with open(tmp_path / "a", "w+b") as file:
            target = weights._Target(Failing(file, number), "a.weights.h5")
            try:
                model.save_weights(target)
                target.check()
            except OSError as error:
                assert error.errno == errno.EIO
                told += 1

    assert told > 5
