"""Weights that a layer holds itself, instead of a sublayer for each."""


def add_norm(layer, name: str, width: int) -> tuple:
    """Adds scale and offset of a layer normalisation over `width` features.

    They stay in the precision of the variables: no autocast.
    """
    return tuple(
        layer.add_weight(
            name=f"{name}_{part}",
            shape=(width,),
            initializer=initializer,
            autocast=False,
        )
        for part, initializer in (("gamma", "ones"), ("beta", "zeros"))
    )


def add_linear(
    layer, name: str, inputs: int, outputs: int, initializer="lecun_normal"
) -> tuple:
    """Adds kernel and bias of a linear map."""
    kernel = layer.add_weight(
        name=f"{name}_kernel",
        shape=(inputs, outputs),
        initializer=initializer,
    )
    bias = layer.add_weight(
        name=f"{name}_bias", shape=(outputs,), initializer="zeros"
    )
    return kernel, bias
