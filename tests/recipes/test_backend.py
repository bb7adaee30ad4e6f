"""A framework that cannot be had is named in a line, not in a traceback."""

import subprocess
import sys

import keras
import pytest

from layerlock import environment
from tests.recipes import running

if keras.backend.backend() != "torch":
    pytest.skip("one backend is enough", allow_module_level=True)


NAMES = pytest.mark.parametrize(
    "name, reason",
    [
        ("theano", "Set it: KERAS_BACKEND="),
        ("numpy", "LayerLock does not train on the backend numpy"),
        ("openvino", "KERAS_BACKEND="),
    ],
)


def run(backend, *command):
    return subprocess.run(
        [sys.executable, *command],
        env=running.environment(KERAS_BACKEND=backend),
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
@NAMES
def test_the_command_ends_with_what_to_install(name, reason):
    finished = run(name, "-m", "layerlock", "probe")

    assert finished.returncode == 1
    assert reason in finished.stderr
    assert f"KERAS_BACKEND={name}" in finished.stderr
    assert "Traceback" not in finished.stderr


@pytest.mark.slow
@NAMES
def test_a_recipe_ends_with_what_to_install(name, reason):
    finished = run(name, str(running.ROOT / "recipes" / "probe.py"))

    assert finished.returncode == 1
    assert reason in finished.stderr
    assert finished.stderr.splitlines()[-1].startswith("Keras runs on")


@pytest.mark.skipif(
    len(environment.installed()) < 2, reason="there is no choice"
)
def test_a_command_without_a_choice_lists_the_frameworks():
    finished = run("", "-m", "layerlock", "pretrain")

    assert finished.returncode == 1
    assert "KERAS_BACKEND is not set. Installed: [" in finished.stderr
    assert "Traceback" not in finished.stderr
