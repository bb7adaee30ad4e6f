"""A backend without a distribution is one process, and says so."""

import keras
import numpy as np
import pytest

from layerlock import backends
from layerlock.backends import contract, single_process


def test_every_function_belongs_to_the_contract():
    own = {
        name
        for name, value in vars(single_process).items()
        if callable(value) and value.__module__ == single_process.__name__
    }

    assert own and own <= set(contract.NAMES)


def test_it_has_all_rows_and_all_weights():
    variable = keras.Variable(np.arange(3, dtype="float32"))
    value = keras.ops.convert_to_numpy(single_process.whole(variable))

    assert single_process.local_rows(8) == slice(0, 8)
    assert single_process.global_size(5) == 5
    assert single_process.own_rows(7) == single_process.all_rows(7) == 7
    assert value.tolist() == [0.0, 1.0, 2.0]


def test_it_agrees_with_itself():
    assert single_process.agree(True) is True
    assert single_process.agree(False) is False
    assert single_process.broadcast({"a": 1}) == {"a": 1}
    with single_process.gathered(None):
        single_process.barrier()


def test_what_devices_send_is_left_to_a_compiler():
    assert single_process.joins_frozen() is False
    assert single_process.sends_sums("data", "float32") is False


@pytest.mark.parametrize("kind", ["data", "fsdp", "model"])
def test_a_distribution_is_refused(kind):
    with single_process.distributed("none"):
        pass
    with pytest.raises(ValueError, match=f"Received: {kind}"):
        with single_process.distributed(kind):
            pass


def test_several_processes_and_their_parts_are_refused(tmp_path):
    single_process.start_processes(num_processes=1)
    with pytest.raises(ValueError, match="num_processes=2"):
        single_process.start_processes("a:1", 2, 0)
    with pytest.raises(ValueError, match="in parts, which this backend"):
        single_process.load_shards(tmp_path, {})


LAUNCHED = {
    "torchrun": ("WORLD_SIZE", "RANK"),
    "SLURM": ("SLURM_STEP_NUM_TASKS", "SLURM_PROCID"),
    "Open MPI": ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"),
}


@pytest.fixture
def launch(monkeypatch):
    """Sets the variables of a launcher of the given number of processes."""
    for name in [name for names in LAUNCHED.values() for name in names]:
        monkeypatch.delenv(name, raising=False)

    def start(launcher, num_processes):
        for name, value in zip(
            LAUNCHED[launcher], (num_processes, 0), strict=True
        ):
            monkeypatch.setenv(name, str(value))

    return start


@pytest.mark.parametrize("launcher", LAUNCHED)
def test_several_processes_of_a_launcher_are_refused(launcher, launch):
    launch(launcher, 2)

    with pytest.raises(ValueError, match=f"2 processes, started by {launcher}"):
        single_process.start_processes()


@pytest.mark.parametrize("launcher", LAUNCHED)
def test_one_process_of_a_launcher_starts(launcher, launch):
    launch(launcher, 1)

    single_process.start_processes()


def test_a_process_that_is_numbered_alone_starts(launch):
    launch("SLURM", 4)

    single_process.start_processes("localhost:1", 1, 0)


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="for TensorFlow only"
)
def test_tensorflow_is_not_started_by_torchrun(launch):
    launch("torchrun", 2)

    with pytest.raises(ValueError, match="KERAS_BACKEND=torch"):
        backends.start_processes()
