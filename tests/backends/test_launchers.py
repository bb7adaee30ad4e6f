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
    for variables in VARIABLES.values():
        for name in variables:
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
