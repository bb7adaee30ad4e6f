"""Tensors of variables, without the scopes of Keras."""


def values(variables) -> list:
    """Returns `[variable.value for variable in variables]`, faster.

    For what runs outside of layers: inside of one, `value` may have another
    precision. For each variable, Keras looks up four scopes.

    Args:
        variables: list of `keras.Variable`.
    """
    return [variable._value for variable in variables]
