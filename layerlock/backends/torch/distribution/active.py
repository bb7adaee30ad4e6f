"""The distribution under which this process trains."""

import contextlib
import dataclasses

import torch
from torch.distributed.device_mesh import DeviceMesh

from layerlock.backends.torch.distribution import processes


@dataclasses.dataclass(frozen=True)
class Distribution:
    """How a run is spread over the processes.

    Args:
        kind: `"data"`, copies of the model, or `"fsdp"`, parts of its weights.
        mesh: the processes along one axis.
    """

    kind: str
    mesh: DeviceMesh

    @property
    def rank(self) -> int:
        return self.mesh.get_local_rank()

    @property
    def size(self) -> int:
        return self.mesh.size()


# Of the process, not of a thread: on a GPU, autograd has threads of its own.
_active: Distribution | None = None


def current() -> Distribution | None:
    """The distribution of the context, or `None`."""
    return _active


def is_sharded() -> bool:
    """Whether weights lie in parts."""
    return _active is not None and _active.kind == "fsdp"


@contextlib.contextmanager
def distributed(kind, mesh=None, axes=None):
    """See `contract.py`. `axes` is not used: a part is a slice of an axis."""
    global _active
    size = processes.process_count()
    if kind == "none" or size == 1:
        yield  # one part is the whole
        return
    device = "cuda" if torch.cuda.is_available() else "cpu"
    before = _active
    _active = Distribution(
        kind, DeviceMesh(device, torch.arange(size), mesh_dim_names=("data",))
    )
    try:
        yield
    finally:
        _active = before
