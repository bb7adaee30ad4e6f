"""Two processes of four devices train one model, and end together."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import keras
import pytest

from layerlock import backends
from layerlock.runs import checkpoints
from tests.backends.jax.layouts import assert_same_training
from tests.recipes.conftest import small as small

if keras.backend.backend() != "jax":
    pytest.skip("of JAX", allow_module_level=True)

from layerlock.backends.jax import processes

ROOT = Path(__file__).parents[3]
FLAGS = (
    "--xla_force_host_platform_device_count=4 "
    "--xla_backend_optimization_level=0 "
    "--xla_llvm_disable_expensive_passes=true"
)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("localhost", 0))
        return one.getsockname()[1]


@contextlib.contextmanager
def two(command, folder, environment):
    """Two processes, of which function `command` of the number is run."""
    processes = []
    for number in (0, 1):
        with open(folder / f"{number}.log", "w") as log:
            processes.append(
                subprocess.Popen(
                    [sys.executable, "-m", *command(number)],
                    cwd=ROOT,
                    env={
                        **os.environ,
                        "KERAS_BACKEND": "jax",
                        "XLA_FLAGS": FLAGS,
                        **environment(number),
                    },
                    stdout=log,
                    stderr=log,
                )
            )
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


def wait_for(condition, seconds=600):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.5)


def printed_by_two(command, tmp_path, seconds):
    """What two processes that meet print last, as JSON.

    Args:
        command: list of a module and its arguments.
        tmp_path: path of their logs.
        seconds: int, to wait for each.
    """
    address = f"localhost:{free_port()}"
    with two(
        lambda number: command,
        tmp_path,
        lambda number: {
            "JAX_COORDINATOR_ADDRESS": address,
            "PROCESSES": "2",
            "PROCESS": str(number),
        },
    ) as processes:
        codes = [process.wait(seconds) for process in processes]

    logs = [(tmp_path / f"{number}.log").read_text() for number in (0, 1)]
    assert codes == [0, 0], logs
    return [json.loads(log.splitlines()[-1]) for log in logs]


@pytest.mark.thorough
@pytest.mark.parametrize("objective", ["mae", "vjepa"])
def test_two_processes_train_like_one_device(tmp_path, objective):
    pytest.importorskip("orbax.checkpoint")
    layouts = ["data", "fsdp:4,2"]
    command = ["tests.backends.jax.layouts", objective, "1", "none", *layouts]
    first, second = printed_by_two(command, tmp_path, 900)

    for layout in layouts:
        assert first[layout]["losses"] == second[layout]["losses"]
        assert_same_training(first[layout], first["none"])


@pytest.mark.thorough
def test_processes_whose_devices_alternate_read_blocks_of_rows(tmp_path):
    meshes = ["8,1", "4,2", "2,4", "1,8"]
    command = ["tests.backends.jax.interleaved", *meshes]
    first, second = printed_by_two(command, tmp_path, 300)

    for mesh in meshes:
        assert first[mesh]["is_right"] and second[mesh]["is_right"]
        assert first[mesh]["shape"] == [16, 3]
    assert [first[mesh]["rows"] for mesh in meshes] == [[0, 8]] * 3 + [[0, 16]]
    assert [second[mesh]["rows"] for mesh in meshes] == [[8, 16]] * 3 + [
        [0, 16]
    ]


@pytest.mark.thorough
def test_a_signal_saves_both_and_a_death_ends_both(tmp_path, small):
    pytest.importorskip("orbax.checkpoint")
    run = tmp_path / "run"
    options = [
        *small,
        "--batch_size=8",
        "--steps=5000",
        "--log_every=2",
        "--checkpoint_every=1000",
        "--learning_rate=0.001",
        "--track=",
        "--compilation_cache=",
    ]

    def pretrain(mesh):
        port = free_port()
        return lambda number: [
            "layerlock",
            "pretrain",
            *options,
            f"--run_dir={run}",
            "--resume=auto",
            "--distribution=fsdp",
            f"--mesh={mesh}",
            f"--coordinator=localhost:{port}",
            "--num_processes=2",
            f"--process_id={number}",
        ]

    def lines():
        metrics = run / "metrics.jsonl"
        return metrics.read_text().count("\n") if metrics.exists() else 0

    with two(pretrain("8"), tmp_path, lambda number: {}) as processes:
        wait_for(lambda: lines() >= 2)
        processes[1].send_signal(signal.SIGTERM)
        codes = [process.wait(120) for process in processes]
    logs = [(tmp_path / f"{number}.log").read_text() for number in (0, 1)]
    assert codes == [128 + signal.SIGTERM] * 2, logs
    assert "Training" not in logs[1]  # one of them speaks
    path, state, damaged = checkpoints.read_newest(run / "checkpoints")
    assert not damaged
    assert all(f"ended by SIGTERM at step {state['step']}" in x for x in logs)

    before = lines()
    with two(pretrain("4,2"), tmp_path, lambda number: {}) as processes:
        wait_for(lambda: lines() > before)
        processes[1].kill()
        assert processes[0].wait(60) != 0
    log = (tmp_path / "0.log").read_text()
    assert f"Resumed from {path.name}" in log
    # JAX's own service may be first to notice, and ends the process itself.
    said = ("Another process of the run has ended", "another task died")
    assert any(sentence in log for sentence in said)


class Service:
    """The client of a service; the other processes answer at once."""

    def __init__(self):
        self.barriers, self.keys, self.kept = set(), {}, []

    def wait_at_barrier(self, name, patience):
        self.barriers.add(name)
        self.kept.append(list(self.keys))

    def key_value_set(self, key, value):
        assert key not in self.keys
        self.keys[key] = value

    key_value_set_bytes = key_value_set

    def key_value_dir_get(self, name):
        return [x for x in self.keys.items() if x[0].startswith(f"{name}/")]

    def key_value_delete(self, name):
        for key in list(self.keys):
            if key == name or (name[-1] == "/" and key.startswith(name)):
                del self.keys[key]


def test_the_service_keeps_nothing_of_earlier_questions(monkeypatch):
    service = Service()
    monkeypatch.setattr("jax.process_count", lambda: 2)
    monkeypatch.setattr(processes, "_client", lambda: service)

    for number in range(5):
        assert backends.agree(True)
        assert not backends.agree(False)
        assert backends.broadcast({"number": number}) == {"number": number}
        backends.barrier()

    assert len(service.barriers) == 3
    assert not service.keys
    # The others read a key until they come to the next barrier.
    assert [len(keys) for keys in service.kept] == 5 * [1, 1, 2, 0]


def test_processes_of_torchrun_are_refused(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")

    with pytest.raises(ValueError, match="torchrun started 2 processes"):
        backends.start_processes(None, None, None)


def test_processes_that_come_too_late_are_told_how_to_start(monkeypatch):
    keras.ops.ones(())  # JAX is in use

    with pytest.raises(ValueError, match="before anything else there uses JAX"):
        backends.start_processes("localhost:1", 2, 0)


@pytest.mark.parametrize(
    "call",
    [lambda: backends.agree(True), lambda: backends.broadcast(1)]
    + [backends.barrier],
    ids=["agree", "broadcast", "barrier"],
)
def test_processes_that_were_not_joined_are_told_how_to_start(
    call, monkeypatch
):
    # The runtime of a TPU counts the processes of a pod by itself.
    monkeypatch.setattr("jax.process_count", lambda: 4)

    with pytest.raises(ValueError, match="4 processes.*`coordinator`"):
        call()
