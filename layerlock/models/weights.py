"""Weights of layers without sublayers, and the linear layer."""

import keras
from keras import ops

from layerlock import backends
from layerlock.models import numerics


def add_norm(layer, name: str, width: int) -> tuple:
    """Adds scale and offset of a layer normalisation over `width` features.

    Autocast is off: they keep the precision of the variables.
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


def current_values(pair) -> tuple:
    """Returns the values of a pair of weights, as tensors."""
    first, second = pair
    return backends.whole(first), backends.whole(second)


def stored_values(pair) -> tuple:
    """Returns the values of a pair for a function of `fused`.

    It gathers them if devices have parts of them.
    """
    first, second = pair
    return backends.stored(first), backends.stored(second)


@keras.saving.register_keras_serializable("layerlock")
class Linear(keras.layers.Layer):
    """A linear map with a bias, the same for every token.

    Args:
        units: int, output features.
        kernel_initializer: as for `keras.layers.Dense`. Defaults to
            `"lecun_normal"`.

    Call arguments:
        inputs: Shape `(batch, tokens, dim)`.

    Output shape:
        `(batch, tokens, units)`.
    """

    def __init__(self, units, kernel_initializer="lecun_normal", **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.Zeros()

    def build(self, input_shape):
        self.kernel = self.add_weight(
            name="kernel",
            shape=(input_shape[-1], self.units),
            initializer=self.kernel_initializer,
        )
        self.bias = self.add_weight(
            name="bias",
            shape=(self.units,),
            initializer=self.bias_initializer,
        )

    def call(self, inputs):
        batch, tokens, dim = ops.shape(inputs)
        x = ops.reshape(inputs, (-1, dim))
        x = numerics.linear(x, *current_values((self.kernel, self.bias)))
        return ops.reshape(x, (batch, tokens, self.units))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "kernel_initializer": keras.initializers.serialize(
                self.kernel_initializer
            ),
        }
