"""Tensors of variables, read with fewer look-ups of scopes than by Keras."""

import torch

from layerlock.backends import keras_internals


def autocast_values(variables) -> list:
    """Returns `variable.value` of each variable, in less than half of the time.

    Args:
        variables: sequence of `keras.Variable`.
    """
    tensors = values(variables)
    missing = [tensor for tensor in tensors if tensor is None]
    if missing or keras_internals.replaces_values():
        return [variable.value for variable in variables]
    dtype = keras_internals.autocast_dtype()
    if not dtype:
        return tensors
    dtype = getattr(torch, dtype)
    return [
        tensor.to(dtype)
        if variable._autocast and tensor.is_floating_point()
        else tensor
        for variable, tensor in zip(variables, tensors, strict=True)
    ]


def values(variables) -> list:
    """Returns the tensors of variables, in their own precision.

    Outside of layers, it is `[variable.value for variable in variables]`.

    Args:
        variables: list of `keras.Variable`.
    """
    return [variable._value for variable in variables]
