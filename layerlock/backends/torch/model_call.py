"""A training step's call of the whole model, without the overhead of Keras."""

import torch

from layerlock.backends import keras_internals
from layerlock.backends.torch.operations import is_watched


def call_model(model, x):
    """Returns `model(x, training=True)`, of copies the one that shares.

    Keras looks for masks, names and structures in each call, which takes 4 %
    of a step of a small network.

    Args:
        model: a `keras.Model`.
        x: the input of the step.
    """
    replica = getattr(model, "ddp_model", None)
    if replica is not None or not _is_plain(model, x):
        return (replica or model)(x, training=True)
    context = model._get_call_context()
    try:
        context.set_value("training", True)  # for layers inside of it
        return model.call(x, training=True)
    finally:
        model._maybe_reset_call_context()


def _is_plain(model, x) -> bool:
    """Whether Keras would do nothing more than to call `model.call`."""
    if not (
        model.built and model._call_has_training_arg and torch.is_tensor(x)
    ):
        return False
    policy = model.dtype_policy
    is_cast = keras_internals.autocast_dtype() or x.is_floating_point()
    return (
        not is_cast
        and policy.compute_dtype == policy.variable_dtype
        and x.device == model.batches_seen._value.device
        and model.activity_regularizer is None
        and not is_watched(model)
    )
