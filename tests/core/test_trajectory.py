"""One run, on every backend and over several devices."""

import json
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest

ROOT = pathlib.Path(__file__).parents[2]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        keras.backend.backend() != "jax", reason="one test for all backends"
    ),
]


def train(backend, *arguments, **environment):
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    finished = subprocess.run(
        [sys.executable, "-m", "tests.core.trajectory", *arguments],
        cwd=ROOT,
        env={
            **os.environ,
            "KERAS_BACKEND": backend,
            "PYTHONPATH": path,
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert finished.returncode == 0, finished.stderr[-3000:]
    return json.loads(finished.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def on_jax():
    return train("jax")


@pytest.mark.parametrize("backend", ["torch", "tensorflow"])
def test_backends_lose_alike_over_thirty_steps_and_three_freezes(
    backend, on_jax
):
    pytest.importorskip(backend)
    other = train(backend)

    np.testing.assert_allclose(other["losses"], on_jax["losses"], rtol=1e-3)


@pytest.mark.thorough
def test_vjepa_loses_alike_on_three_backends_and_on_four_devices():
    flags = os.environ.get("XLA_FLAGS", "")
    on_jax = train("jax", "vjepa")

    for backend in ("torch", "tensorflow"):
        pytest.importorskip(backend)
        other = train(backend, "vjepa")
        np.testing.assert_allclose(other["losses"], on_jax["losses"], rtol=1e-3)
    spread = train(
        "jax",
        "data",
        "4",
        "vjepa",
        XLA_FLAGS=f"{flags} --xla_force_host_platform_device_count=4",
    )
    np.testing.assert_allclose(spread["losses"], on_jax["losses"], rtol=1e-4)


@pytest.mark.parametrize(
    "kind", ["data", pytest.param("model", marks=pytest.mark.thorough)]
)
def test_four_devices_train_like_one(kind, on_jax):
    flags = os.environ.get("XLA_FLAGS", "")
    spread = train(
        "jax",
        kind,
        "4",
        XLA_FLAGS=f"{flags} --xla_force_host_platform_device_count=4",
    )

    np.testing.assert_allclose(spread["losses"], on_jax["losses"], rtol=1e-4)
    assert spread["weights"].keys() == on_jax["weights"].keys()
    for path, norm in on_jax["weights"].items():
        assert spread["weights"][path] == pytest.approx(norm, rel=1e-4), path
