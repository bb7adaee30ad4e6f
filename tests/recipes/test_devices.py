"""A run goes on, on another number of devices and under another layout."""

import json
import shutil
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest

import layerlock
from tests.recipes import running

BACKEND = keras.backend.backend()
pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(BACKEND == "tensorflow", reason="it has no fsdp"),
]
# Programs for several devices are compiled many times faster with them.
FAST = (
    "--xla_backend_optimization_level=0 "
    "--xla_llvm_disable_expensive_passes=true"
)
STEPS = 16
EVENTS = {4: 1, 9: 2, 14: 3}  # layers that are frozen after a step
FLAGS = [
    f"--steps={STEPS}",
    "--batch_size=4",
    "--start_step=4",
    "--interval=5",
    "--max_frozen_layers=3",
    "--checkpoint_every=100",
    "--log_every=1",
    "--track=",
]


@pytest.fixture(scope="module", autouse=True)
def needs_orbax():
    if BACKEND == "jax":
        pytest.importorskip("orbax.checkpoint")


def train(run_dir, num_devices, kind, *flags, until=0):
    """Trains to the end, or until a signal comes in the middle of a step."""
    module = ["-m", "tests.recipes.signalled", str(until)]
    launcher, flagged = [sys.executable], {}
    if BACKEND == "jax":
        flagged["XLA_FLAGS"] = (
            f"--xla_force_host_platform_device_count={num_devices} {FAST}"
        )
    elif num_devices > 1:
        launcher += ["-m", "torch.distributed.run"]
        launcher += [f"--nproc_per_node={num_devices}"]
    finished = subprocess.run(
        [
            *launcher,
            *module,
            f"--run_dir={run_dir}",
            f"--distribution={kind}",
            *flags,
        ],
        cwd=running.ROOT,
        env=running.environment(OMP_NUM_THREADS="1", **flagged),
        capture_output=True,
        text=True,
        timeout=900,
    )
    is_of_torchrun = BACKEND == "torch" and num_devices > 1
    stopped = 1 if is_of_torchrun else 128 + signal.SIGTERM
    said = finished.stderr[-4000:]
    assert finished.returncode == (stopped if until else 0), said
    if until:
        assert "ended by SIGTERM" in said
    return finished.stdout + finished.stderr


def frozen_at_the_end(run_dir):
    return running.metrics(run_dir)[-1]["frozen_layers"]


@pytest.fixture(scope="module")
def flags(small, tmp_path_factory):
    cache = tmp_path_factory.mktemp("programs")
    return [*FLAGS, *small, f"--compilation_cache={cache}"]


@pytest.fixture(scope="module")
def begun(flags, tmp_path_factory):
    """A run in parts on four devices, ended after its first freeze."""
    path = tmp_path_factory.mktemp("begun") / "run"
    said = train(path, 4, "fsdp", *flags, until=5)
    assert 5 <= running.metrics(path)[-1]["step"] < 9
    if BACKEND == "torch":
        assert "To go on: KERAS_BACKEND=torch torchrun --nproc_per_node=4" in (
            said
        )
    return path


def copy_of(begun, tmp_path):
    return shutil.copytree(begun, tmp_path / "run")


def test_it_goes_on_from_parts_on_four_to_one_to_parts_on_two_and_to_copies(
    begun, flags, tmp_path
):
    expected, run_dir = tmp_path / "expected", copy_of(begun, tmp_path)
    train(expected, 1, "none", *flags)

    train(run_dir, 1, "none", "--resume", until=7)
    train(run_dir, 2, "fsdp", "--resume", until=11)
    assert frozen_at_the_end(run_dir) == 2
    train(run_dir, 2, "data", "--resume")

    lines, found = running.metrics(expected), running.metrics(run_dir)
    assert [line["step"] for line in found] == list(range(1, STEPS + 1))
    assert [line["frozen_layers"] for line in found] == [
        line["frozen_layers"] for line in lines
    ]
    tolerances = {"loss": 1e-5, "feature_std": 1e-5, "grad_norm": 1e-4}
    for name, rtol in tolerances.items():
        np.testing.assert_allclose(
            [line[name] for line in found],
            [line[name] for line in lines],
            rtol=rtol,
            err_msg=name,
        )
    for one, other in weights(run_dir, expected):
        # A bias of keys has no gradient: AdamW amplifies its rounding.
        atol = 1e-5 if one.ndim > 1 else 1e-4
        np.testing.assert_allclose(one, other, atol=atol)
    config = json.loads((run_dir / "config.json").read_text())
    alone, both = (resume["step"] for resume in config["resumes"][1:])
    assert alone == 7
    assert 11 <= both < 14  # they agree about a signal after some steps


def test_in_the_same_layout_it_goes_on_bit_for_bit(begun, flags, tmp_path):
    expected, run_dir = tmp_path / "expected", copy_of(begun, tmp_path)
    train(expected, 4, "fsdp", *flags)

    train(run_dir, 4, "fsdp", "--resume")

    for name in ("loss", "grad_norm", "frozen_layers", "feature_std"):
        assert [line[name] for line in running.metrics(run_dir)] == [
            line[name] for line in running.metrics(expected)
        ]
    for one, other in weights(run_dir, expected):
        np.testing.assert_array_equal(one, other)


def weights(*run_dirs):
    encoders = [
        layerlock.VideoEncoder.from_preset(run_dir / "encoder")
        for run_dir in run_dirs
    ]
    return zip(*(encoder.get_weights() for encoder in encoders), strict=True)


# What differs from run to run on one device, too.
MEASURED = ("seconds", "_seconds", "_wait", "_per_second", "_bytes", "_flops")


@pytest.fixture(scope="module")
def judged_flags(flags):
    return [
        *flags,
        "--monitor_every=4",
        "--held_out_every=4",
        "--probe_every=8",
    ]


@pytest.fixture(scope="module")
def judged_alone(judged_flags, tmp_path_factory):
    path = tmp_path_factory.mktemp("judged") / "run"
    train(path, 1, "none", *judged_flags)
    return running.metrics(path)


@pytest.mark.parametrize("kind", ["data", "fsdp"])
def test_what_is_logged_is_about_all_clips_and_whole_weights(
    kind, judged_alone, judged_flags, tmp_path
):
    train(tmp_path / "run", 2, kind, *judged_flags)
    lines = running.metrics(tmp_path / "run")

    assert {"cka", "held_out_prediction", "probe_top1", "verdict"} <= set(
        lines[-1]
    )
    for line, expected in zip(lines, judged_alone, strict=True):
        assert line.keys() == expected.keys()
        for name, value in expected.items():
            if name.endswith(MEASURED):
                continue
            if isinstance(value, str | None):
                assert line[name] == value, name
                continue
            np.testing.assert_allclose(
                line[name], value, rtol=1e-3, atol=1e-6, err_msg=name
            )
