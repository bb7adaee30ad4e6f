"""Copies of a model that share gradients: `DistributedDataParallel`."""

import contextlib

import keras
import torch
from torch.nn.parallel import DistributedDataParallel

from layerlock.backends import optimizer as optimizers
from layerlock.backends.torch.distribution import active


def wrap(model):
    """Wraps a model, if the distribution has copies and it is not yet wrapped.

    The gradients of the weights that are trainable now are sent, in buckets,
    while the backward pass goes on. `renew_step` drops the wrapper when layers
    freeze, and the next has smaller buckets.
    """
    distribution = active.current()
    if distribution is None or distribution.kind != "data":
        return
    if getattr(model, "ddp_model", None) is not None:
        return
    wrapper = DistributedDataParallel(
        model,
        process_group=distribution.mesh.get_group(),
        # Later wrappers find copies that were trained alike.
        init_sync=not getattr(model, "has_equal_copies", False),
        gradient_as_bucket_view=True,
    )
    model.has_equal_copies = True
    # Registered as a part of the model, it would contain itself.
    object.__setattr__(model, "ddp_model", wrapper)


def sends_sums(distribution, dtype_policy):
    # See `sending_once`. With float16, Keras scales the loss.
    return distribution == "data" and dtype_policy != "mixed_float16"


@contextlib.contextmanager
def sending_once(model):
    """Context of the forward and the backward pass of a batch.

    Copies that accumulate gradients send them once per step: the last backward
    pass begins with the sums of the batches before. With a loss scale, every
    batch sends its own, so that all copies leave out the same.
    """
    optimizer = model.optimizer
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    batches = inner.gradient_accumulation_steps or 1
    wrapper = getattr(model, "ddp_model", None)
    is_scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    if wrapper is None or batches == 1 or is_scaled:
        yield
        return
    if (inner.step_count.read() + 1) % batches:  # it counts batches
        with wrapper.no_sync():
            yield
        return
    variables = model.trainable_weights
    sums = optimizers.accumulators(inner, variables)
    for variable, earlier in zip(variables, sums, strict=True):
        # Keras's wrapper writes the mean there, and ours into its buckets.
        own = wrapper.gradient_as_bucket_view
        variable.value.grad = earlier.detach() if own else earlier.clone()
    yield
    torch._foreach_zero_(sums)


def unwrap(model):
    """Drops the wrapper, whose buckets hold the gradients of frozen weights."""
    if getattr(model, "ddp_model", None) is not None:
        object.__setattr__(model, "ddp_model", None)
