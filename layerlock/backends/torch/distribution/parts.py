"""Weights in parts: each process holds a slice of every trained weight.

A `keras.Variable` holds this process's slice, and has the shape of the slice.
So optimizer slots, their updates and a teacher's average are local, without
any code of their own. What needs the whole weight gathers it, as a DTensor,
whose module is imported by then: it takes long.
"""

import contextlib
import dataclasses
import functools

import keras
import torch

from layerlock.backends import optimizer as optimizer_state
from layerlock.backends.torch.distribution import active, processes
from layerlock.backends.torch.values import autocast_values


@dataclasses.dataclass(frozen=True)
class Part:
    """The slice of a weight that each process holds.

    Args:
        mesh: the processes.
        axis: int, the axis that is cut.
        shape: of the whole weight.
    """

    mesh: "torch.distributed.device_mesh.DeviceMesh"
    axis: int
    shape: torch.Size

    def tensor(self, local):
        """A DTensor, the whole weight, of which `local` is here."""
        from torch.distributed.tensor import DTensor, Shard

        return DTensor.from_local(
            local,
            self.mesh,
            [Shard(self.axis)],
            run_check=False,
            shape=self.shape,
            stride=_strides(self.shape),
        )

    def on_host(self) -> "Part":
        """The same slice, of a copy in the memory of the host."""
        mesh = active.mesh_of("cpu", self.mesh.size())
        return dataclasses.replace(self, mesh=mesh)

    def cut(self, whole):
        """The slice of this process, a copy."""
        from torch.distributed.tensor import Shard, distribute_tensor

        parted = distribute_tensor(
            whole.detach(), self.mesh, [Shard(self.axis)], src_data_rank=None
        )
        return parted.to_local().clone(memory_format=torch.contiguous_format)


def part_of(variable) -> Part | None:
    """The `Part` of a variable, `None` if it is whole."""
    return getattr(variable, "part", None)


def stored(variables, cut=()):
    """See `contract.py`: a DTensor if the weight is in parts."""
    tensors = autocast_values(variables)
    if not active.is_sharded():
        return tensors
    parts = map(part_of, variables)
    return [
        tensor if part is None else part.tensor(tensor)
        for part, tensor in zip(parts, tensors, strict=True)
    ]


def num_parts() -> int:
    """Number of slices of each weight."""
    return active.current().size if active.is_sharded() else 1


def is_parted(x) -> bool:
    """Whether this is a DTensor."""
    from torch.distributed.tensor import DTensor

    return isinstance(x, DTensor)


def gather(x):
    """The whole tensor of a DTensor; anything else is returned unchanged.

    In the backward pass each process has the gradient of its own rows, which
    `Partial` adds up.
    """
    if not is_parted(x):
        return x
    from torch.distributed.tensor import Partial, Replicate

    whole = x.redistribute(placements=[Replicate()])
    return whole.to_local(grad_placements=[Partial()])


def whole(variable):
    [tensor] = autocast_values([variable])
    part = part_of(variable)
    return tensor if part is None else gather(part.tensor(tensor))


def place(model):
    """Cuts the weights of a model's layers; its own state stays whole."""
    if not active.is_sharded():
        return
    frozen = {id(variable) for variable in _frozen(model)}
    for layer in model.layers:
        for variable in layer.variables:
            if part_of(variable) is None and id(variable) not in frozen:
                _split(variable)
    _track(model)
    _place_slots(model.optimizer)


def joins_frozen():
    return True  # `join_frozen` does.


def join_frozen(model):
    """Gathers weights for good that are frozen.

    They need no slots, and the others no longer have to be sent for them.
    """
    for variable in _frozen(model):
        _join(variable)


@contextlib.contextmanager
def gathered(layer):
    is_first = processes.process_index() == 0
    held = []
    for variable in layer.variables:
        part, own = part_of(variable), variable._value
        if part is None:
            continue
        with torch.no_grad():
            value = whole(variable)
        if is_first:
            held.append((variable, part, own))
            _unmark(variable)
            # There may be no room for the whole model on the device.
            _hold(variable, value.to("cpu"))
    try:
        yield
    finally:
        for variable, part, own in held:
            variable._value, variable._shape = own, tuple(own.shape)
            _mark(variable, part)


def _frozen(model) -> list:
    frozen = model.freezable_layers[: model.frozen_layers]
    layers = keras.tree.flatten(frozen)
    return [variable for layer in layers for variable in layer.variables]


def _split(variable):
    if not variable.shape:
        return
    distribution = active.current()
    shape = torch.Size(variable.shape)
    even = [a for a, n in enumerate(shape) if n % distribution.size == 0]
    axis = even[0] if even else shape.index(max(shape))
    _cut(variable, Part(distribution.mesh, axis, shape))


def _cut(variable, part):
    _hold(variable, part.cut(variable.value))
    _mark(variable, part)


def _mark(variable, part):
    variable.part = part
    variable.assign = functools.partial(_assign, variable, variable.assign)


def _assign(variable, assign, value):
    """Assigns the part of this process, or the whole, of which it takes it."""
    value = keras.ops.convert_to_tensor(value, variable.dtype)
    if value.shape == variable.part.shape:
        value = variable.part.cut(value)
    return assign(value)


def _unmark(variable):
    variable.part = None
    del variable.assign  # That of the class comes back.


def _join(variable):
    if part_of(variable) is not None:
        with torch.no_grad():
            value = whole(variable)
        _unmark(variable)
        _hold(variable, value)


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


def _place_slots(optimizer):
    """Cuts slots like their weights, also those that will be made."""
    for variable, slot in optimizer_state.slots(optimizer):
        part = part_of(variable)
        if part is not None and part_of(slot) is None:
            _cut(slot, part)
    while optimizer is not None:
        add = optimizer.add_variable_from_reference
        if not isinstance(add, functools.partial):
            optimizer.add_variable_from_reference = functools.partial(
                _add_slot, add
            )
        optimizer = getattr(optimizer, "inner_optimizer", None)


def _add_slot(add, reference_variable, *arguments, **keywords):
    slot = add(reference_variable, *arguments, **keywords)
    part = part_of(reference_variable)
    if part is not None:
        _mark(slot, part)
    return slot


@functools.lru_cache(maxsize=1024)
def _strides(shape) -> tuple:
    return torch.empty(shape, device="meta").stride()
