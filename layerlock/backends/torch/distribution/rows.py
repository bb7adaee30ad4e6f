"""Rows of the global batch, and means over them."""

import contextlib

import torch
import torch.distributed

from layerlock.backends.torch.distribution import active

_split = False


@contextlib.contextmanager
def split_batch():
    """Context of a step, in which each process has its own rows.

    Outside of it, as in the measurements of a callback, all processes compute
    the same.
    """
    global _split
    before, _split = _split, active.current() is not None
    try:
        yield
    finally:
        _split = before


def local_rows(batch_size: int) -> slice:
    distribution = active.current()
    if distribution is None:
        return slice(0, batch_size)
    rows = batch_size // distribution.size
    return slice(distribution.rank * rows, (distribution.rank + 1) * rows)


def global_size(rows: int) -> int:
    return rows * active.current().size if _split else rows


def own_rows(x):
    return x[local_rows(x.shape[0])] if _split else x


def all_rows(x):
    if not _split:
        return x
    own = x.detach().contiguous()
    rows = own.new_empty((global_size(x.shape[0]), *x.shape[1:]))
    torch.distributed.all_gather_single(rows, own)
    return rows


def global_mean(x):
    if not _split:
        return x
    total = x.detach().clone()
    torch.distributed.all_reduce(total)
    return total / active.current().size
