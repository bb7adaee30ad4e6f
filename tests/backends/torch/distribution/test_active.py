"""A distribution is that of a context, and is refused where it cannot run."""

import keras
import pytest

if keras.backend.backend() != "torch":
    pytest.skip("for PyTorch only", allow_module_level=True)

import torch

from layerlock.backends.torch.distribution import active, processes


class Mesh:
    def get_local_rank(self):
        return 1

    def size(self):
        return 2


@pytest.fixture
def two_processes(monkeypatch):
    monkeypatch.setattr(processes, "process_count", lambda: 2)
    monkeypatch.setattr(active, "mesh_of", lambda device, size: Mesh())


@pytest.mark.parametrize("kind, in_parts", [("data", False), ("fsdp", True)])
def test_a_context_ends_also_with_an_error(two_processes, kind, in_parts):
    with pytest.raises(KeyError), active.distributed(kind):
        assert (active.current().kind, active.current().rank) == (kind, 1)
        assert active.is_sharded() == in_parts
        raise KeyError

    assert active.current() is None
    assert not active.is_sharded()


def test_one_process_has_no_distribution():
    with active.distributed("fsdp"):
        assert active.current() is None


@pytest.mark.parametrize(
    "distribution, mesh, reason",
    [("model", None, "fsdp"), ("fsdp", (1, 2), "one number as `mesh`")],
)
def test_parts_of_blocks_are_refused(two_processes, distribution, mesh, reason):
    assert reason in active.refuse(distribution, mesh, batch_size=4)


def test_a_process_alone_is_told_how_to_start_others(monkeypatch):
    assert active.refuse("data", None, 4) is None  # There is one device.

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    reason = active.refuse("data", None, 4)

    assert "Received: 1 process and 2 devices" in reason
    assert processes.HOW_TO_START in reason
