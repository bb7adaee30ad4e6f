"""Copies on several devices train as one."""

import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest

from tests.backends import spread

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="for TensorFlow only"
)
ROOT = pathlib.Path(__file__).parents[3]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder of what two devices found."""
    folder = tmp_path_factory.mktemp("on_2")
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    finished = subprocess.run(
        [sys.executable, "-m", "tests.backends.tensorflow.training"]
        + [str(folder), "2"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert finished.returncode == 0, finished.stderr[-4000:]
    return folder


@pytest.mark.thorough
@pytest.mark.parametrize(
    "run",
    [
        spread.Run("data", accumulation=2),
        spread.Run("data", "vjepa"),
        spread.Run("data", "lejepa"),
    ],
    ids=lambda run: run.name,
)
def test_thirty_steps_and_three_freezes_equal_those_of_one(run, trained):
    one = spread.train(run.alone)
    with np.load(trained / f"{run.name}.npz") as arrays:
        two = dict(arrays)

    np.testing.assert_allclose(two["logs"], one["logs"], rtol=1e-4, atol=1e-6)
    for name in one.keys() - {"logs", "held"}:
        np.testing.assert_allclose(
            two[name], one[name], rtol=1e-4, atol=1e-5, err_msg=name
        )
