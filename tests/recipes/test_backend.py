"""A framework that cannot be had is named in a line, not in a traceback."""

import os
import subprocess
import sys

import keras
import pytest

from tests.recipes import running

if keras.backend.backend() != "torch":
    pytest.skip("one backend is enough", allow_module_level=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, reason",
    [
        ("theano", "Set it: KERAS_BACKEND="),
        ("numpy", "LayerLock trains on"),
        ("openvino", "KERAS_BACKEND="),
    ],
)
def test_recipes_say_what_to_install(name, reason):
    finished = subprocess.run(
        [sys.executable, str(running.ROOT / "recipes" / "probe.py")],
        env={**os.environ, "KERAS_BACKEND": name},
        capture_output=True,
        text=True,
    )

    assert finished.returncode == 1
    assert reason in finished.stderr
    assert f"KERAS_BACKEND={name}" in finished.stderr
    assert "Traceback" not in finished.stderr
