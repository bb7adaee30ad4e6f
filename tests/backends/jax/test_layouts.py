"""Eight devices train like one under every layout, and save for any other."""

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import pytest

from tests.backends.jax.layouts import assert_same_training

if keras.backend.backend() != "jax":
    pytest.skip("of JAX", allow_module_level=True)

LAYOUTS = ["data", "fsdp", "model:4,2", "fsdp:4,2"]
ROOT = Path(__file__).parents[3]
# Programs for eight devices are compiled many times faster without.
FLAGS = (
    "--xla_force_host_platform_device_count=8 "
    "--xla_backend_optimization_level=0 "
    "--xla_llvm_disable_expensive_passes=true"
)


def run(module, *arguments):
    """The JSON that a module of this folder prints, on eight devices."""
    finished = subprocess.run(
        [sys.executable, "-m", f"tests.backends.jax.{module}", *arguments],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": "jax", "XLA_FLAGS": FLAGS},
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert finished.returncode == 0, finished.stderr[-3000:]
    return json.loads(finished.stdout.splitlines()[-1])


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("objective", "accumulation", "layouts"),
    [
        *itertools.product(["mae", "vjepa"], [1, 2], [LAYOUTS]),
        ("lejepa", 1, ["fsdp"]),
    ],
)
def test_eight_devices_train_like_one(objective, accumulation, layouts):
    pytest.importorskip("orbax.checkpoint")
    results = run("layouts", objective, str(accumulation), "none", *layouts)

    one = results.pop("none")
    assert list(results) == layouts
    for result in results.values():
        assert_same_training(result, one)


@pytest.mark.thorough
def test_eight_devices_train_like_one_in_float8():
    results = run("layouts", "mae+float8", "1", "none", *LAYOUTS)

    one = results.pop("none")
    assert list(results) == LAYOUTS
    assert results["fsdp"]["losses"] == results["data"]["losses"]
    # Scales are those of the whole batch. Sums in bfloat16 go apart.
    assert results["data"]["losses"][0] == pytest.approx(one["losses"][0], 1e-6)
    for result in results.values():
        assert result["losses"][0] == pytest.approx(one["losses"][0], 5e-3)
        assert result["losses"] == pytest.approx(one["losses"], 0.05)
    assert one["losses"][-1] < 0.6 * one["losses"][0]


@pytest.mark.thorough
def test_a_model_that_was_saved_in_one_layout_loads_in_any_other(tmp_path):
    pytest.importorskip("orbax.checkpoint")

    results = run("reshaping", str(tmp_path))

    assert len(results) == 25
    assert all(results.values()), results
