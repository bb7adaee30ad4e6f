"""Compiled blocks with weights in parts train like eager ones on a device."""

import os
import pathlib
import socket
import subprocess
import sys

import keras
import numpy as np
import pytest

if keras.backend.backend() != "torch":
    pytest.skip("of PyTorch", allow_module_level=True)

from tests.backends.torch.distribution import compiled

ROOT = pathlib.Path(__file__).parents[4]


@pytest.mark.slow
def test_compiled_blocks_in_parts_train_as_eager_ones_on_a_device(tmp_path):
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    file = tmp_path / "found.npz"
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", compiled.__name__, file],
            cwd=ROOT,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "OMP_NUM_THREADS": "1",
                "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": str(port),
                "WORLD_SIZE": "2",
                "RANK": str(rank),
            },
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in (0, 1)
    ]
    alone = compiled.train("none", jit_compile=False)
    try:
        said = [process.communicate(timeout=600)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()

    assert [process.returncode for process in processes] == [0, 0], said
    with np.load(file) as arrays:
        together = dict(arrays)
    assert together.pop("compiled") >= 4
    assert together.keys() == alone.keys()
    for name, value in alone.items():
        np.testing.assert_allclose(
            together[name], value, rtol=1e-4, atol=1e-5, err_msg=name
        )
    assert any(value.shape == () and value != 1 for value in alone.values())
