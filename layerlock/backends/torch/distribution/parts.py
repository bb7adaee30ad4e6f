"""Weights in parts: each process holds a slice of every trained weight.

A `keras.Variable` holds this process's slice, and has the shape of the slice.
So optimizer slots, their updates and a teacher's average are local, without
any code of their own. What needs the whole weight gathers it, as a DTensor.
"""

import contextlib
import dataclasses
import functools

import keras
import torch
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import (
    DTensor,
    Partial,
    Replicate,
    Shard,
    distribute_tensor,
)

from layerlock.backends.torch.distribution import active


@dataclasses.dataclass(frozen=True)
class Part:
    """The slice of a weight that each process holds.

    Args:
        mesh: the processes.
        axis: int, the axis that is cut.
        shape: of the whole weight.
    """

    mesh: DeviceMesh
    axis: int
    shape: torch.Size

    def tensor(self, local) -> DTensor:
        """The whole weight, of which `local` is here."""
        return DTensor.from_local(
            local,
            self.mesh,
            [Shard(self.axis)],
            run_check=False,
            shape=self.shape,
            stride=_strides(self.shape),
        )

    def cut(self, whole):
        """The slice of this process, a copy."""
        parted = distribute_tensor(
            whole.detach(), self.mesh, [Shard(self.axis)], src_data_rank=None
        )
        return parted.to_local().clone(memory_format=torch.contiguous_format)


def part_of(variable) -> Part | None:
    """The `Part` of a variable, `None` if it is whole."""
    return getattr(variable, "part", None)


def stored(variable):
    """See `contract.py`: a DTensor if the weight is in parts."""
    part, value = part_of(variable), variable.value
    return value if part is None else part.tensor(value)


def num_parts() -> int:
    """Number of slices of each weight."""
    return active.current().size if active.is_sharded() else 1


def gather(x):
    """The whole tensor of a DTensor; anything else is returned unchanged.

    In the backward pass each process has the gradient of its own rows, which
    `Partial` adds up.
    """
    if not isinstance(x, DTensor):
        return x
    whole = x.redistribute(placements=[Replicate()])
    return whole.to_local(grad_placements=[Partial()])


def whole(variable):
    return gather(stored(variable))


def assign_whole(variable, value):
    part = part_of(variable)
    variable.assign(value if part is None else part.cut(value))


def split_model(model):
    """Cuts the weights of a model's layers; its own state stays whole."""
    distribution = active.current()
    for layer in model.layers:
        for variable in layer.variables:
            if part_of(variable) is None:
                _split(variable, distribution)
    _track(model)
    _mark_slots(model.optimizer)


def join_frozen(model):
    """Gathers weights for good that are frozen.

    They need no slots, and the others no longer have to be sent for them.
    """
    frozen = model.freezable_layers[: model.frozen_layers]
    for layer in keras.tree.flatten(frozen):
        for variable in layer.variables:
            _join(variable)


@contextlib.contextmanager
def gathered(model):
    parts = [(v, part_of(v)) for v in _variables(model) if part_of(v)]
    for variable, _ in parts:
        # There may be no room for the whole model on the device.
        _join(variable, torch.device("cpu"))
    try:
        yield
    finally:
        device = keras.ops.empty(()).device
        for variable, part in parts:
            variable.part = part
            _hold(variable, part.cut(variable.value.to(device)))
        if parts:
            _track(model)


def _variables(model) -> list:
    optimizer = model.optimizer
    return [*model.variables, *(optimizer.variables if optimizer else ())]


def _split(variable, distribution):
    if not variable.shape:
        return
    shape = torch.Size(variable.shape)
    even = [a for a, n in enumerate(shape) if n % distribution.size == 0]
    axis = even[0] if even else shape.index(max(shape))
    variable.part = Part(distribution.mesh, axis, shape)
    _hold(variable, variable.part.cut(variable.value))


def _join(variable, device=None):
    part = part_of(variable)
    if part is not None:
        with torch.no_grad():
            value = whole(variable)
        variable.part = None
        _hold(variable, value if device is None else value.to(device))


def _hold(variable, value):
    variable._value = torch.nn.Parameter(
        value, requires_grad=variable.trainable
    )
    variable._shape = tuple(value.shape)


def _track(model):
    # Keras keeps a second list of a layer's weights for PyTorch.
    for layer in model._flatten_layers():
        if hasattr(layer, "_torch_params"):
            layer._track_variables()


def _mark_slots(optimizer):
    """Has an optimizer note the part of each slot that it makes."""
    while optimizer is not None:
        add = optimizer.add_variable_from_reference
        optimizer.add_variable_from_reference = functools.partial(
            _add_slot, add
        )
        optimizer = getattr(optimizer, "inner_optimizer", None)


def _add_slot(add, reference_variable, *arguments, **keywords):
    slot = add(reference_variable, *arguments, **keywords)
    slot.part = part_of(reference_variable)
    return slot


@functools.lru_cache(maxsize=1024)
def _strides(shape) -> tuple:
    return torch.empty(shape, device="meta").stride()
