"""Weights of layers without sublayers, and layers of one operation."""

import contextlib
import contextvars

import keras

from layerlock import backends
from layerlock.models import numerics

_INITIAL_VALUES = contextvars.ContextVar("initial_values", default=True)


@contextlib.contextmanager
def without_initial_values():
    """Context in which new linear maps begin with zeros, to be filled.

    Random numbers for a billion weights take longer than reading them.
    """
    token = _INITIAL_VALUES.set(False)
    try:
        yield
    finally:
        _INITIAL_VALUES.reset(token)


def initializer_of(spec):
    """Returns an initializer of a linear map, as Keras takes it."""
    return spec if _INITIAL_VALUES.get() else "zeros"


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
        initializer=initializer_of(initializer),
    )
    bias = layer.add_weight(
        name=f"{name}_bias", shape=(outputs,), initializer="zeros"
    )
    return kernel, bias


def current_values(pair) -> tuple:
    """Returns the values of a pair of weights, as tensors."""
    first, second = pair
    return backends.whole(first), backends.whole(second)


def stored_values(pairs, cut=()) -> list:
    """Returns the values of pairs of weights for a function of `fused`.

    It gathers them if devices have parts of them.

    Args:
        pairs: sequence of pairs of weights.
        cut: the pair whose outputs the function splits. Defaults to none.

    Returns:
        A list of pairs of tensors.
    """
    values = iter(backends.stored([w for pair in pairs for w in pair], cut))
    return list(zip(values, values, strict=True))


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
            initializer=initializer_of(self.kernel_initializer),
        )
        self.bias = self.add_weight(
            name="bias",
            shape=(self.units,),
            initializer=self.bias_initializer,
        )

    def call(self, inputs):
        batch, tokens, dim = backends.shape(inputs)
        x = backends.reshape(inputs, (-1, dim))
        x = numerics.linear(x, *current_values((self.kernel, self.bias)))
        return backends.reshape(x, (batch, tokens, self.units))

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


@keras.saving.register_keras_serializable("layerlock")
class LayerNorm(keras.layers.Layer):
    """Layer normalisation; statistics and weights are float32 or better.

    Args:
        epsilon: float, added to variances. Defaults to `1e-6`.

    Call arguments:
        inputs: Shape `(batch, tokens, dim)`.

    Output shape:
        Same as `inputs`.
    """

    def __init__(self, epsilon=1e-6, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def build(self, input_shape):
        self.gamma, self.beta = add_norm(self, "norm", input_shape[-1])

    def call(self, inputs):
        return numerics.layer_normalization(
            inputs, *current_values((self.gamma, self.beta)), self.epsilon
        )

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}
