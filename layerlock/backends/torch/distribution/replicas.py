"""Copies of a model that share gradients: `DistributedDataParallel`."""

from torch.nn.parallel import DistributedDataParallel

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


def unwrap(model):
    """Drops the wrapper, whose buckets hold the gradients of frozen weights."""
    if getattr(model, "ddp_model", None) is not None:
        object.__setattr__(model, "ddp_model", None)
