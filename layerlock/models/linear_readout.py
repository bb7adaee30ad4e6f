"""The readout of one linear map."""

import keras
from keras import ops

from layerlock.models import numerics
from layerlock.models.checks import check_counts
from layerlock.models.numerics import at_least_float32
from layerlock.models.readout import check_features
from layerlock.models.weights import Linear, add_norm, current_values


@keras.saving.register_keras_serializable("layerlock")
class LinearReadout(keras.layers.Layer):
    """Reads features by one linear map, after a layer normalisation.

    Args:
        output_dim: int, number of outputs: classes, or pixels of a patch.
        pool: bool, whether to map the mean over all tokens, for a prediction
            per clip, or each token, for a prediction per patch. Defaults to
            `True`.
        epsilon: float, added to variances. Defaults to `1e-6`.

    Call arguments:
        features: Shape `(batch, frames, rows, columns, dim)`, counted in
            patches.

    Output shape:
        `(batch, 1, output_dim)`, or `(batch, tokens, output_dim)` without
        pooling; float32 or better.

    Example:

    >>> tuple(LinearReadout(10)(keras.random.normal((2, 4, 3, 3, 32))).shape)
    (2, 1, 10)
    """

    def __init__(self, output_dim, pool=True, epsilon=1e-6, **kwargs):
        super().__init__(**kwargs)
        check_counts(output_dim=output_dim)
        self.output_dim = output_dim
        self.pool = pool
        self.epsilon = epsilon
        self.head = Linear(output_dim, dtype=self.dtype_policy, name="head")

    def build(self, input_shape):
        width = check_features(input_shape)[-1]
        self.input_norm = add_norm(self, "input_norm", width)
        self.head.build((None, None, width))

    def call(self, features):
        batch, _, _, _, width = ops.shape(features)
        x = numerics.layer_normalization(
            features, *current_values(self.input_norm), self.epsilon
        )
        x = ops.reshape(x, (batch, -1, width))
        if self.pool:
            x = numerics.token_mean(x)
        return ops.cast(self.head(x), at_least_float32(self.compute_dtype))

    def get_config(self):
        return {
            **super().get_config(),
            "output_dim": self.output_dim,
            "pool": self.pool,
            "epsilon": self.epsilon,
        }
