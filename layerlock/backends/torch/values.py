"""Tensors of variables, read with fewer look-ups of scopes than by Keras."""

import torch

from layerlock.backends import keras_internals


def value_of(variable):
    """Returns `variable.value`, in half of the time.

    Args:
        variable: a `keras.Variable`.
    """
    tensor = variable._value
    if tensor is None or keras_internals.replaces_values():
        return variable.value
    dtype = keras_internals.autocast_dtype()
    if dtype and variable._autocast and tensor.is_floating_point():
        return tensor.to(getattr(torch, dtype))
    return tensor


def values(variables) -> list:
    """Returns the tensors of variables, in their own precision.

    Outside of layers, it is `[variable.value for variable in variables]`.

    Args:
        variables: list of `keras.Variable`.
    """
    return [variable._value for variable in variables]
