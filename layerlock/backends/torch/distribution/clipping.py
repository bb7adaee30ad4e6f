"""Norms of gradients, also of gradients in parts, and clipping by them."""

import contextlib
import contextvars
import functools
import operator

import keras
import torch
import torch.distributed

from layerlock.backends.torch.distribution import active

# Their update of a number depends on no other number of the weight.
_ELEMENTWISE = {
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lion",
    "Nadam",
    "RMSprop",
    "SGD",
}


_shared = contextvars.ContextVar("layerlock_shared_norm", default=None)


class SharedNorm:
    """The norm of some tensors, computed once until one of them changes.

    Args:
        tensors: list of tensors.
    """

    def __init__(self, tensors):
        self._tensors = tensors
        self._versions = self._norm = None

    def is_of(self, tensors) -> bool:
        """Whether these are the same tensors."""
        if len(tensors) != len(self._tensors):
            return False
        return all(map(operator.is_, tensors, self._tensors))

    def compute(self):
        """Returns the norm."""
        versions = [tensor._version for tensor in self._tensors]
        if versions != self._versions:
            self._norm, self._versions = _total_norm(self._tensors), versions
        return self._norm


@contextlib.contextmanager
def shared_norm(gradients):
    """Context in which the norm of these gradients is computed once.

    The log of a step needs it, and its clipping.

    Args:
        gradients: list of tensors or `None`.
    """
    known = [gradient for gradient in gradients if gradient is not None]
    token = _shared.set(SharedNorm(known))
    try:
        yield
    finally:
        _shared.reset(token)


def total_norm(tensors):
    """Norm of all tensors together, those of other processes too."""
    shared = _shared.get()
    if shared is not None and shared.is_of(tensors):
        return shared.compute()
    return _total_norm(tensors)


def _total_norm(tensors):
    if not active.is_sharded():
        return torch.nn.utils.get_total_norm(tensors)
    square = torch.nn.utils.get_total_norm(_own(tensors)).float().square()
    torch.distributed.all_reduce(square)
    return square.sqrt()


def _own(gradients):
    """Gradients that this process adds to a norm over all processes."""
    is_first = active.current().rank == 0
    return [x for x in gradients if is_first or x.ndim]


def add_up_scalars(gradients):
    """Adds up, over all processes, the gradients of weights of shape `()`.

    Such weights have no parts, and each process has a gradient of its rows.

    Args:
        gradients: list of tensors or `None`.
    """
    if not active.is_sharded():
        return
    scalars = [x for x in gradients if x is not None and not x.ndim]
    if scalars:
        sums = torch.stack(scalars)
        torch.distributed.all_reduce(sums)
        for scalar, total in zip(scalars, sums.unbind(), strict=True):
            scalar.copy_(total)


def prepare(optimizer):
    """Makes an optimizer clip gradients in parts as if they were whole.

    Args:
        optimizer: a `keras.Optimizer`.

    Raises:
        ValueError: if its update may need the whole weight.
    """
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    name = type(inner).__name__
    if name not in _ELEMENTWISE:
        raise ValueError(
            "With distribution=fsdp every process has a part of each weight, "
            f"and the update of {name} may need all of it. Use one of "
            f"{sorted(_ELEMENTWISE)}, or distribution=data."
        )
    # Keras has no public way to replace the clipping.
    if inner.clipnorm:
        inner._clip_gradients = functools.partial(_clip_each, inner)
    elif inner.global_clipnorm:
        inner._clip_gradients = functools.partial(clip_by_total_norm, inner)


def spread_overflow(optimizer, gradients):
    """Has every process see that a gradient is not finite in one of them."""
    is_scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    if is_scaled and active.is_sharded():
        known = [gradient for gradient in gradients if gradient is not None]
        norm = total_norm(known)
        # A process may have no number of some weights.
        held = next((one for one in known if one.numel()), known[0])
        held.add_(norm - norm)  # 0, or NaN


def clip_by_total_norm(optimizer, gradients):
    """Clips by the global norm as Keras does, in place and in a few calls."""
    known = [gradient for gradient in gradients if gradient is not None]
    norm = total_norm(known)
    scale = torch.clamp(optimizer.global_clipnorm / norm, max=1.0)
    scale = scale + (norm - norm)  # NaN, if the norm is not finite
    torch._foreach_mul_(known, scale)
    return gradients


def _clip_each(optimizer, gradients):
    """Clips by the norm of each gradient."""
    known = [gradient for gradient in gradients if gradient is not None]
    own = {id(gradient) for gradient in _own(known)}
    squares = torch.stack([x.square().sum() * (id(x) in own) for x in known])
    torch.distributed.all_reduce(squares)
    scales = torch.clamp(optimizer.clipnorm / squares.sqrt(), max=1.0)
    torch._foreach_mul_(known, list(scales.unbind()))
    return gradients
