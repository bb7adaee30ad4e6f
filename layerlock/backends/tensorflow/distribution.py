"""Devices of TensorFlow: copies of the model in one process.

In a replica's part of the step, `tf.distribute` gives each its rows. What
follows the gradients is the same for all, and runs once per device on the
weights that lie there. Keras's optimizers would clip the gradient of each
replica before they add them up, and cannot accumulate.
"""

import contextlib
import functools

import tensorflow as tf

from layerlock.backends import keras_internals, mesh as meshes

# Methods that enter the strategy, which runs one step on all devices.
_LOCAL_METHODS = (
    "_apply_weight_decay",
    "_backend_update_step",
    "_backend_increment_gradient_accumulators",
)


def refuse(distribution, mesh, batch_size) -> str | None:
    """Why a distribution cannot run on the devices, or `None`."""
    if distribution not in (None, "none", "data"):
        return (
            f"distribution={distribution} needs weights in parts, and "
            "tf.distribute has copies. Use distribution=data, or "
            "KERAS_BACKEND=jax or torch, or distribution=none."
        )
    return meshes.refuse(distribution, mesh, batch_size, len(devices()))


def devices():
    return [device.name for device in _logical_devices()]


def _logical_devices():
    gpus = tf.config.list_logical_devices("GPU")
    return gpus or tf.config.list_logical_devices("CPU")


@contextlib.contextmanager
def distributed(kind, mesh=None, axes=None):
    names = tuple(devices())
    if kind == "none" or len(names) == 1:
        yield
        return
    with _strategy(names).scope():
        yield


@functools.cache
def _strategy(names):
    # One object: models belong to the strategy that they were built under.
    return tf.distribute.MirroredStrategy(names)


def replicas():
    """The replica context of a step on several devices, or `None`."""
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return None
    return context


def global_size(rows):
    context = replicas()
    return rows * context.num_replicas_in_sync if context else rows


def own_rows(x):
    context = replicas()
    if context is None:
        return x
    rows = tf.shape(x)[0] // context.num_replicas_in_sync
    start = rows * context.replica_id_in_sync_group
    return x[start : start + rows]


def all_rows(x):
    context = replicas()
    return context.all_gather(x, axis=0) if context else x


def global_mean(x):
    context = replicas()
    if context is None:
        return x
    return context.all_reduce(tf.distribute.ReduceOp.MEAN, x)


def mean_gradients(gradients):
    """Gradients of the global batch, of those of the rows here."""
    context = replicas()
    if context is None:
        return gradients
    known = [gradient for gradient in gradients if gradient is not None]
    means = iter(context.all_reduce(tf.distribute.ReduceOp.MEAN, known))
    return [None if old is None else next(means) for old in gradients]


def update(model, gradients, variables):
    """Applies the gradients and what follows, on every device.

    Args:
        model: a `keras.Model` with `after_update`.
        gradients: list of tensors, the same in every replica.
        variables: list of `keras.Variable`.
    """
    optimizer, context = model.optimizer, replicas()
    if context is None:
        optimizer.apply_gradients(zip(gradients, variables, strict=True))
        model.after_update()
        return
    known = [gradient for gradient in gradients if gradient is not None]

    def update_one(_, *known):
        left = iter(known)
        own = [None if old is None else next(left) for old in gradients]
        _apply_here(optimizer, own, variables)
        model.after_update()

    def update_all(strategy, *known):
        anchor = variables[0].value
        strategy.extended.update(anchor, update_one, args=known)

    context.merge_call(update_all, args=known)


def _apply_here(optimizer, gradients, variables):
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    # The methods of Keras for one device.
    for name in _LOCAL_METHODS:
        method = getattr(keras_internals.BaseOptimizer, name)
        setattr(inner, name, functools.partial(method, inner))
    try:
        if optimizer is inner:
            optimizer.apply(gradients, variables)
        else:
            optimizer._common_apply(gradients, variables)
    finally:
        for name in _LOCAL_METHODS:
            delattr(inner, name)
