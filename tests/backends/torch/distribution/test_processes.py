"""Processes find each other, and notice the end of another."""

import os
import pathlib
import socket
import subprocess
import sys
import time

import keras
import pytest

from layerlock import backends

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="for PyTorch only"
)
ROOT = pathlib.Path(__file__).parents[4]
LAUNCHED = ("WORLD_SIZE", "RANK", "MASTER_ADDR", "SLURM_STEP_NUM_TASKS")


@pytest.fixture
def environment(monkeypatch):
    for name in LAUNCHED:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_a_process_without_others_starts_alone(environment):
    backends.start_processes()

    assert backends.process_count() == 1


def test_a_launcher_that_names_no_meeting_point_is_explained(environment):
    environment.setenv("OMPI_COMM_WORLD_SIZE", "2")
    environment.setenv("OMPI_COMM_WORLD_RANK", "0")

    with pytest.raises(ValueError, match="Open MPI.*MASTER_ADDR.*torchrun"):
        backends.start_processes()


def test_a_process_that_nobody_answers_is_told_how_to_start(
    environment, monkeypatch
):
    import torch

    def fail(*arguments, **keywords):
        raise torch.distributed.DistNetworkError("connection refused")

    monkeypatch.setattr(torch.distributed, "init_process_group", fail)

    with pytest.raises(ValueError, match="torchrun.*connection refused"):
        backends.start_processes("127.0.0.1:1", 2, 1)


@pytest.mark.parametrize(
    "coordinator, expected",
    [
        ("10.0.0.1:8476", "tcp://10.0.0.1:8476"),
        ("tcp://10.0.0.1:8476", "tcp://10.0.0.1:8476"),
        ("[::1]:8476", "tcp://[::1]:8476"),
    ],
)
def test_a_coordinator_is_an_address_of_tcp(
    coordinator, expected, environment, monkeypatch
):
    import torch

    received = []

    def record(*arguments, init_method, **keywords):
        received.append(init_method)
        raise ValueError("enough")

    monkeypatch.setattr(torch.distributed, "init_process_group", record)

    with pytest.raises(ValueError, match="enough"):
        backends.start_processes(coordinator, 2, 0)
    assert received == [expected]


AGREE = """
import datetime, sys, time
import torch
from layerlock import backends
coordinator, process_id = sys.argv[1], int(sys.argv[2])
backends.start_processes(coordinator, 2, process_id)
# What process 0 broadcasts may take longer than a training step.
torch.distributed.distributed_c10d._set_pg_timeout(
    datetime.timedelta(seconds=2)
)
time.sleep(5 * (process_id == 0))
shared = backends.broadcast(process_id)
print(
    backends.process_index(),
    backends.process_count(),
    backends.agree(process_id == 1),
    shared,
)
sys.setswitchinterval(60)  # seconds: other threads hardly run until the end
for _ in range(50):
    backends.barrier()
"""


@pytest.mark.slow
def test_processes_with_a_coordinator_join_agree_and_end(environment):
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        coordinator = f"127.0.0.1:{one.getsockname()[1]}"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", AGREE, coordinator, str(process_id)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for process_id in (1, 0)
    ]
    try:
        ends = [process.communicate(timeout=300) for process in processes]
    finally:
        for process in processes:
            process.kill()

    assert [process.returncode for process in processes] == [0, 0], ends
    assert [out.split() for out, _ in ends] == [
        ["1", "2", "True", "0"],
        ["0", "2", "True", "0"],
    ]


LOSE = """
import os, signal, sys
import keras
from layerlock import backends
from layerlock.backends.contract import ProcessLost
call, folder = sys.argv[1:]
backends.start_processes()
weights = {"kernel": keras.Variable([1.0])}
backends.save_shards(folder, weights).wait()
backends.barrier()
if backends.process_index() == 1:
    os.kill(os.getpid(), signal.SIGKILL)
try:
    if call == "agree":
        backends.agree(False)
    elif call == "load":
        backends.load_shards(folder, weights)
    else:
        backends.save_shards(folder, weights).wait()
except ProcessLost as error:
    sys.exit(str(error))
"""


@pytest.mark.slow
@pytest.mark.parametrize("call", ["agree", "load", "save"])
def test_a_killed_process_ends_the_other_with_a_sentence(call, tmp_path):
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", LOSE, call, tmp_path],
            cwd=ROOT,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": str(29000 + os.getpid() % 900),
                "WORLD_SIZE": "2",
                "RANK": str(rank),
            },
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in (1, 0)
    ]
    processes[0].communicate(timeout=120)
    killed = time.monotonic()
    _, said = processes[1].communicate(timeout=60)

    assert time.monotonic() - killed < 60
    assert "Another process of the run has ended" in said
    assert processes[1].returncode == 1
