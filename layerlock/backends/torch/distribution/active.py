"""The distribution under which this process trains."""

import contextlib
import dataclasses
import math

import torch

from layerlock.backends import mesh as meshes
from layerlock.backends.torch.distribution import processes


@dataclasses.dataclass(frozen=True)
class Distribution:
    """How a run is spread over the processes.

    Args:
        kind: `"data"`, copies of the model, or `"fsdp"`, parts of its weights.
        mesh: the processes along one axis.
    """

    kind: str
    mesh: "torch.distributed.device_mesh.DeviceMesh"

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


def mesh_of(device: str, size: int):
    """All processes along one axis, with tensors on this kind of device."""
    from torch.distributed.device_mesh import DeviceMesh

    names = meshes.AXES[:1]
    return DeviceMesh(device, torch.arange(size), mesh_dim_names=names)


def refuse(distribution, mesh, batch_size) -> str | None:
    """Why a distribution cannot run in these processes, or `None`."""
    size = processes.process_count()
    available = torch.cuda.device_count()
    if distribution not in (None, "none") and size == 1 and available > 1:
        return (
            f"distribution={distribution} needs one process per device. "
            f"Received: 1 process and {available} devices. "
            f"{processes.HOW_TO_START} Or use distribution=none."
        )
    parts_of_blocks = math.prod((mesh or ())[1:])
    if distribution == "model" or parts_of_blocks > 1:
        return (
            "The matrices of a block are gathered before they are used, and "
            "cannot stay in parts. Use distribution=fsdp with one number as "
            "`mesh`, or KERAS_BACKEND=jax."
        )
    return meshes.refuse(distribution, mesh, batch_size, size)


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
    _active = Distribution(kind, mesh_of(device, size))
    try:
        yield
    finally:
        _active = before
