"""A run that is killed and resumed ends as if nothing had happened."""

import json
import pathlib
import random
import shlex
import shutil
import signal
import subprocess

import h5py
import keras
import numpy as np
import pytest

import layerlock
from layerlock.interruption import INTERRUPTED
from layerlock.runs import checkpoints
from tests.marks import thorough_on
from tests.recipes import running

pytestmark = pytest.mark.slow

ONE_BACKEND = pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="one backend is enough"
)
STEPS = 20
FLAGS = [
    f"--steps={STEPS}",
    "--batch_size=4",
    "--start_step=8",
    "--interval=5",
    "--max_frozen_layers=2",
    "--checkpoint_every=3",
    "--log_every=1",
]


@pytest.fixture(scope="module")
def flags(small):
    return [*FLAGS, *small]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory, flags):
    run_dir = tmp_path_factory.mktemp("runs") / "uninterrupted"
    running.succeed(run_dir, *flags)
    return run_dir


def arrays(run_dir):
    """Every array of the newest checkpoint: weights and optimizer."""
    newest = checkpoints.find(pathlib.Path(run_dir) / "checkpoints")[0]
    found = {}

    def keep(name, item):
        if isinstance(item, h5py.Dataset):
            found[name] = item[()]

    with h5py.File(newest / "model.weights.h5") as file:
        file.visititems(keep)
    return newest.name, found


def assert_same_end(run_dir, expected_dir, steps=STEPS):
    name, found = arrays(run_dir)
    expected_name, expected = arrays(expected_dir)
    assert name == expected_name == f"step_{steps:08d}"
    assert found.keys() == expected.keys()
    assert any("optimizer" in key for key in expected)
    for key, value in expected.items():
        assert np.array_equal(found[key], value), key
    keys = ("step", "loss", "frozen_layers", "target_layer", "flops")
    assert [
        [line[key] for key in keys] for line in running.metrics(run_dir)
    ] == [[line[key] for key in keys] for line in running.metrics(expected_dir)]


def test_a_killed_run_resumes_bit_for_bit(tmp_path, uninterrupted, flags):
    run_dir = tmp_path / "killed"
    # Before the first event, between the two, or after the second.
    step = random.SystemRandom().choice([6, 11, 15])
    print(f"killed after step {step}")
    running.pretrain_until_killed(run_dir, step, *flags)

    running.succeed(run_dir, "--resume")  # under the flags of its start

    assert_same_end(run_dir, uninterrupted)


@ONE_BACKEND
def test_a_killed_run_in_float8_resumes_bit_for_bit(tmp_path, flags):
    flags = [*flags, "--mixed_precision=float8"]
    expected, run_dir = tmp_path / "expected", tmp_path / "killed"
    running.succeed(expected, *flags)
    running.pretrain_until_killed(run_dir, 11, *flags)

    running.succeed(run_dir, "--resume")

    assert_same_end(run_dir, expected)


VJEPA = [
    *FLAGS[:2],
    *FLAGS[5:],
    "--objective=vjepa",
    "--schedule=converged",
    "--schedule_args=window=1,threshold=0.5,signal=features,start_step=6",
    "--max_frozen_layers=2",
    "--monitor_every=5",
]


@thorough_on("jax")
@pytest.mark.skipif(
    keras.backend.backend() == "tensorflow",
    reason="tests/conformance has it in one process",
)
def test_a_teacher_and_layers_that_freeze_by_themselves_resume_bit_for_bit(
    tmp_path, small
):
    expected, run_dir = tmp_path / "expected", tmp_path / "killed"
    running.succeed(expected, *VJEPA, *small)
    step = random.SystemRandom().choice([7, 12, 17])
    print(f"killed after step {step}")
    running.pretrain_until_killed(run_dir, step, *VJEPA, *small)

    running.succeed(run_dir, *VJEPA, *small, "--resume")

    assert_same_end(run_dir, expected)
    keys = ("cka", "weight_norms", "verdict", "feature_std", "frozen_layers")
    assert [
        [line.get(key) for key in keys] for line in running.metrics(run_dir)
    ] == [[line.get(key) for key in keys] for line in running.metrics(expected)]
    assert running.metrics(expected)[-1]["frozen_layers"] == 2


# Minutes on the backends that compile.
LONG_MARKS = [] if keras.backend.backend() == "torch" else pytest.mark.thorough
LONG = [
    "--steps=60",
    "--batch_size=2",
    "--objective=vjepa",
    "--start_step=15",
    "--interval=15",
    "--max_frozen_layers=3",
    "--checkpoint_every=6",
    "--log_every=1",
    "--track=",
]


@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=LONG_MARKS) for kind in ("continued", "taught")],
)
def test_a_run_that_goes_on_or_is_taught_resumes_bit_for_bit(
    tmp_path, small, kind
):
    first, expected, run_dir = (
        tmp_path / name for name in ("first", "expected", "killed")
    )
    if kind == "continued":
        short = ["--objective=vjepa", "--steps=2", "--batch_size=2"]
        running.succeed(first, *short, "--start_step=1", *small)
        start = [f"--init_from={first}"]
    else:
        teacher = small[0].removeprefix("--init_from=")
        start = [*small, f"--teacher={teacher}"]
    running.succeed(expected, *LONG, *start)
    step = random.SystemRandom().choice([13, 25, 40, 55])
    print(f"killed after step {step}")
    running.pretrain_until_killed(run_dir, step, *LONG, *start)

    said = running.succeed(run_dir, "--resume")

    assert "Starts from" not in said
    assert_same_end(run_dir, expected, steps=60)
    assert running.metrics(run_dir)[-1]["frozen_layers"] == 3


@thorough_on("torch")
@ONE_BACKEND  # tests/core/test_adaptive.py has it for every backend
def test_the_schedule_that_a_run_found_repeats_it(tmp_path, small):
    expected, repeated = tmp_path / "expected", tmp_path / "repeated"
    running.succeed(expected, *VJEPA, *small)

    flags = json.loads((expected / "schedule.json").read_text())["flags"]
    others = [f for f in VJEPA if not f.startswith(("--sched", "--max_fro"))]
    running.succeed(repeated, *others, *small, *shlex.split(flags))
    assert [line["loss"] for line in running.metrics(repeated)] == [
        line["loss"] for line in running.metrics(expected)
    ]


@ONE_BACKEND
def test_a_run_killed_before_it_exported_its_encoder_does_so(
    tmp_path, uninterrupted, flags
):
    run_dir = tmp_path / "ended"
    shutil.copytree(uninterrupted, run_dir)
    shutil.rmtree(run_dir / "encoder")

    running.succeed(run_dir, *flags, "--resume", "--keep_checkpoints=5")

    expected = layerlock.VideoEncoder.from_preset(uninterrupted / "encoder")
    found = layerlock.VideoEncoder.from_preset(run_dir / "encoder")
    for a, b in zip(expected.weights, found.weights, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    config = json.loads((run_dir / "config.json").read_text())
    [resume] = config["resumes"]
    assert resume["step"] == STEPS
    assert "--keep_checkpoints=5" in resume["command"]


@ONE_BACKEND
def test_damaged_checkpoints_are_passed_over_and_named(
    tmp_path, uninterrupted, flags
):
    run_dir = tmp_path / "killed"
    running.pretrain_until_killed(run_dir, 13, *flags)
    newest, before, *_ = checkpoints.find(run_dir / "checkpoints")
    flip_a_bit(newest / "model.weights.h5")
    truncate(before / "model.weights.h5")

    said = running.succeed(run_dir, *flags, "--resume")

    assert f"{newest.name} is damaged" in said
    assert f"{before.name} is damaged" in said
    assert_same_end(run_dir, uninterrupted)


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)


def truncate(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


@ONE_BACKEND
def test_a_run_killed_before_its_first_checkpoint_starts_again(
    tmp_path, uninterrupted, flags
):
    run_dir = tmp_path / "killed"
    flags = [*flags, "--checkpoint_every=19"]
    running.pretrain_until_killed(run_dir, 1, *flags)
    for checkpoint in checkpoints.find(run_dir / "checkpoints"):
        pytest.fail(f"{checkpoint} should not be there yet")

    said = running.succeed(run_dir, *flags, "--resume")

    assert "starting from step 0" in said
    assert_same_end(run_dir, uninterrupted)


@ONE_BACKEND
def test_a_resume_with_other_flags_is_refused(uninterrupted, flags):
    said = running.refusal(
        "pretrain",
        f"--run_dir={uninterrupted}",
        *flags,
        "--resume",
        "--learning_rate=0.5",
    )
    assert "learning_rate" in said


@ONE_BACKEND
def test_a_run_that_is_still_going_is_not_resumed(tmp_path, flags):
    command = running.command(tmp_path / "going", *flags, "--steps=100000")
    process = subprocess.Popen(
        command,
        env=running.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        running.wait_for(process, tmp_path / "going", step=1)
        run_dir = f"--run_dir={tmp_path / 'going'}"
        said = running.refusal(
            "pretrain", run_dir, *flags, "--steps=100000", "--resume"
        )
    finally:
        process.kill()
        process.wait()
    assert f"still running, in process {process.pid}" in said


@ONE_BACKEND
def test_an_interrupted_run_says_how_to_go_on(tmp_path, flags):
    process = subprocess.Popen(
        running.interruptible(
            running.command(tmp_path / "run", *flags, "--steps=100000")
        ),
        env=running.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        running.wait_for(process, tmp_path / "run", step=1)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=120)
    finally:
        process.kill()

    assert process.returncode == INTERRUPTED
    assert "pretrain: interrupted. --resume goes on" in said
    assert "Traceback" not in said


@ONE_BACKEND
def test_a_run_directory_is_never_overwritten(uninterrupted, flags):
    run_dir = f"--run_dir={uninterrupted}"
    assert "add --resume" in running.refusal("pretrain", run_dir, *flags)
