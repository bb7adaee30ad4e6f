"""Counts the bytes that a step sends for weights and gradients."""

import keras
import torch
from torch.distributed.algorithms.ddp_comm_hooks import default_hooks
from torch.utils._python_dispatch import TorchDispatchMode


def _bytes(tensor, *arguments):
    return tensor.numel() * tensor.element_size()


def _gathered_bytes(part, num_parts, *arguments):
    return num_parts * _bytes(part)


# Bytes of the whole tensor that is gathered or summed.
_SENT = {
    "all_gather_into_tensor": _gathered_bytes,
    "reduce_scatter_tensor": _bytes,
    "all_reduce": _bytes,
}


class Counter(TorchDispatchMode):
    """Context of a step.

    Args:
        model: a model, in training. The buckets of its copies are counted,
            and the gathered parts of weights.

    Attributes:
        bytes: int.
    """

    def __init__(self, model):
        super().__init__()
        self.bytes = 0
        self.copies = getattr(model, "ddp_model", None)

    def __enter__(self):
        if self.copies is not None and not hasattr(self.copies, "counted"):
            self.copies.counted = []
            self.copies.register_comm_hook(self.copies.counted, _count_bucket)
        return super().__enter__()

    def __exit__(self, *exception):
        super().__exit__(*exception)
        if self.copies is not None:
            self.bytes += sum(self.copies.counted)
            self.copies.counted.clear()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        packet = str(function)
        if packet.startswith("_c10d_functional"):
            for name, size in _SENT.items():
                if name in packet:
                    self.bytes += size(*args)
        return function(*args, **(kwargs or {}))


def _count_bucket(counted, bucket):
    counted.append(bucket.buffer().numel() * bucket.buffer().element_size())
    return default_hooks.allreduce_hook(torch.distributed.group.WORLD, bucket)


class Traffic(keras.callbacks.Callback):
    """The bytes of each step, in `sent`."""

    def __init__(self):
        super().__init__()
        self.sent = []

    def on_train_batch_begin(self, batch, logs=None):
        self.counter = Counter(self.model)
        self.counter.__enter__()

    def on_train_batch_end(self, batch, logs=None):
        self.counter.__exit__(None, None, None)
        self.sent.append(self.counter.bytes)
