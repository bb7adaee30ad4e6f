"""The memory of a step: what autograd keeps for the backward pass."""

import torch

_counting = []  # the `SavedTensors` whose context this is


def count(tensor):
    """Counts a tensor that autograd keeps, where something else keeps it.

    PyTorch asks the innermost hooks only.
    """
    for one in _counting:
        one._pack(tensor)


class SavedTensors:
    """Counts the bytes that autograd keeps for the backward pass."""

    def __init__(self, variables):
        self.weights = {
            variable.value.untyped_storage().data_ptr()
            for variable in variables
        }
        self.storages = {}

    def __enter__(self):
        self.hooks = torch.autograd.graph.saved_tensors_hooks(
            self._pack, lambda tensor: tensor
        )
        self.hooks.__enter__()
        _counting.append(self)
        return self

    def _pack(self, tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in self.weights:
            self.storages[storage.data_ptr()] = storage.nbytes()
        return tensor

    def __exit__(self, *exception):
        _counting.remove(self)
        self.hooks.__exit__(*exception)

    @property
    def bytes(self) -> int:
        return sum(self.storages.values())
