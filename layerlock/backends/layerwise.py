"""AdamW with a learning rate for each variable."""

import math

import keras
from keras import ops


@keras.saving.register_keras_serializable("layerlock")
class LayerwiseAdamW(keras.optimizers.AdamW):
    """AdamW whose learning rate differs from variable to variable.

    The update of a variable and its weight decay follow

        learning_rate * multipliers.get(variable.path, 1.0)

    `layer_multipliers` returns the multipliers of layer-wise learning-rate
    decay. Layers can be frozen, as with any other optimizer of Keras.

    Reference: [ELECTRA, Clark et al., 2020](
    https://arxiv.org/abs/2003.10555), and for vision transformers
    [BEiT, Bao et al., 2021](https://arxiv.org/abs/2106.08254).

    Args:
        learning_rate: as for `keras.optimizers.AdamW`. Defaults to `0.001`.
        weight_decay: float. Defaults to `0.004`.
        multipliers: dict from the path of a variable to a float. Variables
            that are not in it have the full rate. Defaults to `None`: all.
        **kwargs: as for `keras.optimizers.AdamW`.

    Example:

    >>> weight = keras.Variable([1.0], name="weight")
    >>> optimizer = LayerwiseAdamW(
    ...     0.1, weight_decay=0.0, multipliers={weight.path: 0.5}
    ... )
    >>> optimizer.apply([ops.ones(1)], [weight])
    >>> round(float(weight.numpy()[0]), 3)  # the first step is the rate
    0.95
    """

    def __init__(
        self,
        learning_rate=0.001,
        weight_decay=0.004,
        multipliers=None,
        **kwargs,
    ):
        super().__init__(
            learning_rate=learning_rate, weight_decay=weight_decay, **kwargs
        )
        self.multipliers = dict(multipliers or {})
        for path, value in self.multipliers.items():
            if not (value >= 0 and math.isfinite(value)):
                raise ValueError(
                    "`multipliers` must be finite and not negative. "
                    f"Received: {value} for {path!r}."
                )

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self._factors = [self.multipliers.get(v.path, 1.0) for v in variables]

    # These methods use private names of Keras: it has no public way to find the
    # variable of an update or its weight decay.

    def update_step(self, gradient, variable, learning_rate):
        factor = self._factors[self._get_variable_index(variable)]
        rate = ops.cast(learning_rate, variable.dtype) * factor
        if self._use_weight_decay(variable):
            decay = ops.cast(self.weight_decay, variable.dtype) * rate
            self.assign_sub(variable, variable * decay)
        super().update_step(gradient, variable, rate)

    def _apply_weight_decay(self, variables):
        pass  # `update_step` applies it, at the variable's own rate.

    def get_config(self):
        return {**super().get_config(), "multipliers": dict(self.multipliers)}


def layer_multipliers(layers, decay: float) -> dict[str, float]:
    """Returns the `multipliers` of layer-wise learning-rate decay.

    The last layer has 1, the one below it `decay`, the one below that
    `decay ** 2`.

    Args:
        layers: list of layers that are built, or of tuples of layers that
            share a rate, bottom first.
        decay: float, above 0 and at most 1; 1 is no decay.

    Example:

    >>> layers = [keras.layers.Dense(1, name=name) for name in "abc"]
    >>> for layer in layers:
    ...     layer.build((None, 1))
    >>> layer_multipliers(layers, 0.5)["a/kernel"]
    0.25
    """
    if not 0 < decay <= 1:
        raise ValueError(
            "Layer-wise decay must be above 0 and at most 1. Received: "
            f"decay={decay}. To train every layer at the same rate, pass 1."
        )
    return {
        variable.path: decay ** (len(layers) - 1 - depth)
        for depth, unit in enumerate(layers)
        for layer in keras.tree.flatten(unit)
        for variable in layer.trainable_variables
    }
