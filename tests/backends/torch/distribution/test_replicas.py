"""Processes that train one model together stay equal across a freeze."""

import os
import pathlib
import subprocess
import sys

import keras
import pytest

from layerlock.backends import keras_internals

PROGRAM = pathlib.Path(__file__).with_name("replicas.py")


@pytest.mark.slow
@pytest.mark.skipif(
    keras.backend.backend() != "torch" or not keras_internals.scans_steps(),
    reason="Keras shares gradients on PyTorch from 3.16 on",
)
@pytest.mark.parametrize("accumulation", [1, 2])
def test_replicas_share_gradients_before_and_after_a_freeze(
    tmp_path, accumulation
):
    root = str(PROGRAM.parents[4])
    processes = [
        subprocess.Popen(
            [
                *(sys.executable, str(PROGRAM), str(rank)),
                *(str(tmp_path / "meet"), str(accumulation)),
            ],
            env={**os.environ, "PYTHONPATH": root},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    finished = [process.communicate(timeout=300) for process in processes]

    assert [process.returncode for process in processes] == [0, 0], finished
    one, other = (out.splitlines()[-1] for out, _ in finished)
    assert one == other
    assert float(one.split()[-1]) > 0.02  # six updates of about 0.01
