"""The launcher of several processes is found by its variables."""

import pytest

from layerlock.backends import launchers

VARIABLES = {
    "torchrun": {"WORLD_SIZE": "4", "RANK": "3"},
    "SLURM": {"SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": "3"},
    "Open MPI": {"OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_RANK": "3"},
}


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    others = ("LOCAL_WORLD_SIZE", "MASTER_ADDR", "SLURM_STEP_NUM_NODES")
    for name in [*others, *(n for names in VARIABLES.values() for n in names)]:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("name", VARIABLES)
def test_a_launcher_of_several_processes_is_found(name, monkeypatch):
    for variable, value in VARIABLES[name].items():
        monkeypatch.setenv(variable, value)

    assert launchers.find() == (name, 4, 3)
    assert launchers.find(name) == (name, 4, 3)
    others = [other for other in VARIABLES if other != name]
    assert launchers.find(*others) is None


def test_one_process_has_no_launcher(monkeypatch):
    assert launchers.find() is None
    monkeypatch.setenv("WORLD_SIZE", "1")
    monkeypatch.setenv("RANK", "0")
    assert launchers.find() is None
    monkeypatch.setenv("WORLD_SIZE", "many")
    assert launchers.find() is None


@pytest.mark.parametrize(
    ("name", "others", "expected"),
    [
        (
            "torchrun",
            {"LOCAL_WORLD_SIZE": "4", "MASTER_ADDR": "a1"},
            "torchrun --nproc_per_node=4 -m",
        ),
        (
            "torchrun",
            {"LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "a1"},
            "torchrun --nnodes=2 --rdzv_backend=c10d --rdzv_endpoint=a1 "
            "--nproc_per_node=2 -m",
        ),
        (
            "SLURM",
            {"SLURM_STEP_NUM_NODES": "2"},
            "srun --nodes=2 --ntasks=4",
        ),
        ("Open MPI", {}, "mpirun -n 4 -x KERAS_BACKEND"),
    ],
)
def test_the_launcher_is_called_again_as_it_was(
    name, others, expected, monkeypatch
):
    for variable, value in (VARIABLES[name] | others).items():
        monkeypatch.setenv(variable, value)

    assert " ".join(launchers.command()) == expected


def test_a_process_alone_needs_no_launcher():
    assert launchers.command() == []
