"""Gathers the weights of a block while it runs, and again for its gradient."""

import dataclasses

import torch

from layerlock.backends.torch import saved_tensors
from layerlock.backends.torch.distribution import active
from layerlock.backends.torch.distribution.parts import gather, is_parted


def gather_all(arguments):
    """Gathers every DTensor of nested tuples."""
    if not active.is_sharded():
        return arguments
    if isinstance(arguments, (tuple, list)):
        return tuple(map(gather_all, arguments))
    return gather(arguments)


def run_gathered(function, arguments, keywords):
    """Calls a function with gathered weights, which are freed afterwards.

    Autograd keeps tensors for the backward pass. Of a weight it keeps the part
    of this process instead, and gathers it when it is needed.
    """
    weights = _Weights()
    arguments = weights.gather_all(arguments)
    if not weights.known:  # `recomputed` has gathered them
        return function(*arguments, **keywords)
    try:
        with torch.autograd.graph.saved_tensors_hooks(weights.pack, _unpack):
            return function(*arguments, **keywords)
    finally:
        weights.known.clear()  # What autograd keeps refers to `pack`.


class _Weights:
    """The gathered weights of one call, by the memory that they use."""

    def __init__(self):
        self.known = {}

    def gather_all(self, arguments):
        if isinstance(arguments, (tuple, list)):
            return tuple(map(self.gather_all, arguments))
        if not is_parted(arguments):
            return arguments
        whole = gather(arguments)
        # `whole` is kept so that its memory is not used again.
        self.known[_address(whole)] = arguments.detach(), whole
        return whole

    def pack(self, tensor):
        if _address(tensor) not in self.known:
            saved_tensors.count(tensor)
            return tensor
        parted, _ = self.known[_address(tensor)]
        view = tensor.size(), tensor.stride(), tensor.storage_offset()
        return _Kept(parted, view)


@dataclasses.dataclass(frozen=True)
class _Kept:
    """What is kept of a weight: a DTensor, and how it was viewed."""

    parted: torch.Tensor
    view: tuple


# Not a method, which would keep the gathered weights.
def _unpack(kept):
    if isinstance(kept, _Kept):
        return gather(kept.parted).as_strided(*kept.view)
    return kept


def _address(tensor) -> int:
    return tensor.untyped_storage().data_ptr()
