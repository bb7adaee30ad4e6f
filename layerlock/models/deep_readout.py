"""A readout with self-attention: V-JEPA 2's attentive probe."""

import keras
from keras import ops

from layerlock import backends
from layerlock.models import numerics
from layerlock.models.checks import check_counts
from layerlock.models.numerics import at_least_float32
from layerlock.models.readout import check_features, far_apart
from layerlock.models.transformer import TransformerBlock
from layerlock.models.weights import (
    Linear,
    add_linear,
    add_norm,
    current_values,
)


@keras.saving.register_keras_serializable("layerlock")
class DeepAttentiveReadout(keras.layers.Layer):
    """Reads features by self-attention, then by a learned query.

    Transformer blocks without positions process all features together. In the
    last block the learned queries attend to the result: normalised features
    are keys and values, and there is no projection after the attention. A
    linear map follows. The width is that of the features.

    Reference: [V-JEPA 2, Assran et al., 2025](
    https://arxiv.org/abs/2506.09985), the attentive probe of its
    evaluations: 4 blocks with 16 heads.

    Args:
        output_dim: int, values per query: classes, or pixels of a block.
        num_queries: int. Defaults to `1`.
        num_blocks: int, blocks with that of the queries. Defaults to `4`.
        num_heads: int, attention heads; it divides the width of the features.
            Defaults to `16`.
        mlp_dim: int, features inside of each MLP. Defaults to four times the
            width of the features.
        epsilon: float, added to variances. Defaults to `1e-5`.

    Call arguments:
        features: Shape `(batch, frames, rows, columns, dim)`, counted in
            patches, as from `VideoEncoder.features`.

    Output shape:
        `(batch, num_queries, output_dim)`, float32 or better.

    Example:

    >>> readout = DeepAttentiveReadout(10, num_blocks=2, num_heads=4)
    >>> tuple(readout(keras.random.normal((2, 4, 3, 3, 32))).shape)
    (2, 1, 10)
    """

    def __init__(
        self,
        output_dim,
        num_queries=1,
        num_blocks=4,
        num_heads=16,
        mlp_dim=None,
        epsilon=1e-5,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_counts(
            output_dim=output_dim,
            num_queries=num_queries,
            num_blocks=num_blocks,
            num_heads=num_heads,
            mlp_dim=1 if mlp_dim is None else mlp_dim,
        )
        self.output_dim = output_dim
        self.num_queries = num_queries
        self.num_blocks = num_blocks
        self.num_heads = num_heads
        self.mlp_dim = mlp_dim
        self.epsilon = epsilon
        self.blocks = []
        self.head = Linear(output_dim, dtype=self.dtype_policy, name="head")

    def build(self, input_shape):
        dim = check_features(input_shape)[-1]
        if dim % self.num_heads:
            raise ValueError(
                "`num_heads` must divide the width of the features. Received: "
                f"num_heads={self.num_heads}, and features {dim} wide."
            )
        mlp_dim = self.mlp_dim or 4 * dim
        for number in range(1, self.num_blocks):
            block = TransformerBlock(
                self.num_heads,
                dim,
                mlp_dim,
                epsilon=self.epsilon,
                dtype=self.dtype_policy,
                name=f"block_{number}",
            )
            block.build((None, None, dim))
            self.blocks.append(block)
        self.queries = self.add_weight(
            name="queries",
            shape=(self.num_queries, dim),
            initializer=far_apart(),
        )
        self.input_norm = add_norm(self, "input_norm", dim)
        self.query_projection = add_linear(self, "query", dim, dim)
        self.key_value = add_linear(self, "key_value", dim, 2 * dim)
        self.mlp_norm = add_norm(self, "mlp_norm", dim)
        self.mlp_expand = add_linear(
            self, "mlp_expand", dim, mlp_dim, "glorot_uniform"
        )
        self.mlp_output = add_linear(
            self, "mlp_output", mlp_dim, dim, "glorot_uniform"
        )
        self.head.build((None, None, dim))

    def call(self, features):
        batch, frames, rows, columns, dim = ops.shape(features)
        tokens = ops.reshape(features, (-1, frames * rows * columns, dim))
        for block in self.blocks:
            tokens = backends.call_layer(block, tokens)
        queries = ops.cast(self.queries, tokens.dtype)
        queries = ops.repeat(queries[None], batch, axis=0)
        x = ops.reshape(self._attend(queries, tokens), (-1, dim))
        queries = ops.reshape(queries, (-1, dim)) + x
        x = self._normalise(queries, self.mlp_norm)
        x = numerics.gelu(numerics.linear(x, *current_values(self.mlp_expand)))
        queries = queries + numerics.linear(x, *current_values(self.mlp_output))
        queries = ops.reshape(queries, (batch, self.num_queries, dim))
        return ops.cast(
            self.head(queries), at_least_float32(self.compute_dtype)
        )

    def _attend(self, queries, tokens):
        batch, _, dim = ops.shape(tokens)
        heads = self.num_heads
        x = ops.reshape(self._normalise(tokens, self.input_norm), (-1, dim))
        x = numerics.linear(x, *current_values(self.key_value))
        x = ops.reshape(x, (batch, -1, 2 * heads, dim // heads))
        key, value = ops.split(x, 2, axis=2)
        query = numerics.linear(
            ops.reshape(queries, (-1, dim)),
            *current_values(self.query_projection),
        )
        query = ops.reshape(
            query, (batch, self.num_queries, heads, dim // heads)
        )
        return numerics.attention(query, key, value)

    def _normalise(self, x, gamma_and_beta):
        return numerics.layer_normalization(
            x, *current_values(gamma_and_beta), self.epsilon
        )

    def get_config(self):
        return {
            **super().get_config(),
            "output_dim": self.output_dim,
            "num_queries": self.num_queries,
            "num_blocks": self.num_blocks,
            "num_heads": self.num_heads,
            "mlp_dim": self.mlp_dim,
            "epsilon": self.epsilon,
        }
