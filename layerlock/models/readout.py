"""The paper's readout: cross-attention from learned queries."""

import keras
from keras import ops

from layerlock import backends
from layerlock.models import numerics
from layerlock.models.checks import check_counts
from layerlock.models.interpolation import cubic_interpolation, interpolation
from layerlock.models.numerics import at_least_float32
from layerlock.models.weights import (
    Linear,
    add_linear,
    add_norm,
    current_values,
)

RESIZINGS = ("linear", "cubic")


@keras.saving.register_keras_serializable("layerlock")
class AttentiveReadout(keras.layers.Layer):
    """Reads features by cross-attention from learned queries.

    Features are layer-normalised and resized in time, and a learned vector per
    frame is added. Every query attends to all features; an MLP with a residual
    connection and a linear map follow. One query predicts a class of the clip;
    one query per block of pixels predicts a value per pixel, such as depth.

    Reference: [Scaling 4D representations, Carreira et al., 2024](
    https://arxiv.org/abs/2412.15212), the readout of the evaluation in
    LayerLock (arXiv 2509.10156).

    Args:
        output_dim: int, values per query: classes, or pixels of a block.
        num_queries: int. Defaults to `1`.
        hidden_dim: int, features of a query, a multiple of `num_heads`.
            Defaults to `1024`.
        num_heads: int, attention heads. Defaults to `16`.
        mlp_dim: int, features inside of the MLP. Defaults to four times
            `hidden_dim`.
        num_frames: int, frames of the resized features. Defaults to `None`:
            no resizing.
        epsilon: float, added to variances. Defaults to `1e-6`.
        activation: str, of the MLP, as for `VideoEncoder`. Defaults to
            `"gelu"`.
        resizing: str, `"linear"`, after the normalisation, or `"cubic"`,
            before it, as the released readouts of 4DS do. Defaults to
            `"linear"`.

    Call arguments:
        features: Shape `(batch, frames, rows, columns, dim)`, counted in
            patches, as from `VideoEncoder.features`.

    Output shape:
        `(batch, num_queries, output_dim)`, float32 or better.

    Example:

    >>> readout = AttentiveReadout(10, hidden_dim=64, num_heads=4)
    >>> tuple(readout(keras.random.normal((2, 4, 3, 3, 32))).shape)
    (2, 1, 10)
    """

    def __init__(
        self,
        output_dim,
        num_queries=1,
        hidden_dim=1024,
        num_heads=16,
        mlp_dim=None,
        num_frames=None,
        epsilon=1e-6,
        activation="gelu",
        resizing="linear",
        **kwargs,
    ):
        super().__init__(**kwargs)
        mlp_dim = 4 * hidden_dim if mlp_dim is None else mlp_dim
        check_counts(
            output_dim=output_dim,
            num_queries=num_queries,
            hidden_dim=hidden_dim,
            num_heads=num_heads,
            mlp_dim=mlp_dim,
            num_frames=1 if num_frames is None else num_frames,
        )
        if hidden_dim % num_heads:
            raise ValueError(
                "`hidden_dim` must be a multiple of `num_heads`. Received: "
                f"hidden_dim={hidden_dim}, num_heads={num_heads}."
            )
        numerics.check_activation(activation)
        if resizing not in RESIZINGS:
            raise ValueError(
                f"`resizing` must be one of {RESIZINGS}. Received: "
                f"resizing={resizing!r}."
            )
        self.output_dim = output_dim
        self.num_queries = num_queries
        self.hidden_dim = hidden_dim
        self.num_heads = num_heads
        self.mlp_dim = mlp_dim
        self.num_frames = num_frames
        self.epsilon = epsilon
        self.activation = activation
        self.resizing = resizing
        self.head = Linear(output_dim, dtype=self.dtype_policy, name="head")

    def build(self, input_shape):
        frames = check_features(input_shape)[1]
        width, dim = input_shape[-1], self.hidden_dim
        self.input_norm = add_norm(self, "input_norm", width)
        self.frame_positions = self.add_weight(
            name="frame_positions",
            shape=(self.num_frames or frames, 1, width),
            initializer=far_apart(),
        )
        self.queries = self.add_weight(
            name="queries",
            shape=(self.num_queries, dim),
            initializer=far_apart(),
        )
        self.query_projection = add_linear(self, "query", dim, dim)
        self.key_value = add_linear(self, "key_value", width, 2 * dim)
        self.attention_output = add_linear(self, "attention_output", dim, dim)
        self.mlp_norm = add_norm(self, "mlp_norm", dim)
        self.mlp_expand = add_linear(
            self, "mlp_expand", dim, self.mlp_dim, "glorot_uniform"
        )
        self.mlp_output = add_linear(
            self, "mlp_output", self.mlp_dim, dim, "glorot_uniform"
        )
        self.head.build((None, None, dim))

    def call(self, features):
        query, key, value = self._query_key_value(features)
        x = numerics.attention(query, key, value)
        batch, dim = ops.shape(features)[0], self.hidden_dim
        x = numerics.linear(
            ops.reshape(x, (-1, dim)), *current_values(self.attention_output)
        )
        queries = ops.broadcast_to(
            ops.cast(self.queries, x.dtype), (batch, self.num_queries, dim)
        )
        tokens = ops.reshape(queries, (-1, dim)) + x
        x = self._normalise(tokens, self.mlp_norm)
        x = numerics.linear(x, *current_values(self.mlp_expand))
        x = numerics.activate(self.activation, x)
        tokens = tokens + numerics.linear(x, *current_values(self.mlp_output))
        tokens = ops.reshape(tokens, (batch, self.num_queries, dim))
        return ops.cast(self.head(tokens), at_least_float32(self.compute_dtype))

    def attention_weights(self, features):
        """Returns the attention of each query to each token, for pictures.

        Args:
            features: As for `call`.

        Returns:
            Mean over heads; the sum over the tokens of a clip is 1. Shape
            `(batch, num_queries, frames, rows, columns)`.
        """
        features = ops.cast(features, self.variable_dtype)
        query, key, _ = self._query_key_value(features)
        logits = ops.einsum("bqhd,bkhd->bhqk", query, key)
        logits = ops.cast(logits, at_least_float32(self.compute_dtype))
        weights = ops.softmax(logits * query.shape[-1] ** -0.5)
        batch, frames, rows, columns, _ = ops.shape(features)
        return ops.reshape(
            ops.mean(weights, axis=1),
            (
                batch,
                self.num_queries,
                self.num_frames or frames,
                rows,
                columns,
            ),
        )

    def _query_key_value(self, features):
        heads = self.num_heads
        batch = ops.shape(features)[0]
        frames, rows, columns, width = features.shape[1:]
        x = ops.reshape(features, (-1, frames, rows * columns, width))
        if self.resizing == "cubic":
            x = self._resize_in_time(x, cubic_interpolation)
        x = self._normalise(x, self.input_norm)
        if self.resizing == "linear":
            x = self._resize_in_time(x, interpolation)
        if self.num_frames is None:
            self._check_frames(frames)
        x = x + ops.cast(self.frame_positions, x.dtype)
        x = numerics.linear(
            ops.reshape(x, (-1, width)), *current_values(self.key_value)
        )
        x = ops.reshape(x, (batch, -1, 2 * heads, self.hidden_dim // heads))
        key, value = ops.split(x, 2, axis=2)
        query = numerics.linear(
            ops.cast(self.queries, x.dtype),
            *current_values(self.query_projection),
        )
        query = ops.reshape(
            query, (1, self.num_queries, heads, self.hidden_dim // heads)
        )
        return ops.repeat(query, batch, axis=0), key, value

    def _check_frames(self, frames):
        built = self.frame_positions.shape[0]
        if frames != built:
            raise ValueError(
                f"This readout was built for features of {built} frames. "
                f"Received: {frames} frames. Pass `num_frames` to its "
                "constructor to read features of any number of frames."
            )

    def _resize_in_time(self, tokens, weights_of):
        """Resizes tokens `(batch, frames, rows * columns, width)` in time."""
        frames = tokens.shape[1]
        if self.num_frames in (None, frames):
            return tokens
        weights = weights_of(frames, self.num_frames)
        weights = backends.constant(
            weights, keras.backend.standardize_dtype(tokens.dtype)
        )
        return ops.einsum("nf,bftd->bntd", weights, tokens)

    def _normalise(self, x, gamma_and_beta):
        return numerics.layer_normalization(
            x, *current_values(gamma_and_beta), self.epsilon
        )

    def get_config(self):
        return {
            **super().get_config(),
            "output_dim": self.output_dim,
            "num_queries": self.num_queries,
            "hidden_dim": self.hidden_dim,
            "num_heads": self.num_heads,
            "mlp_dim": self.mlp_dim,
            "num_frames": self.num_frames,
            "epsilon": self.epsilon,
            "activation": self.activation,
            "resizing": self.resizing,
        }


def check_features(shape):
    """Returns the shape of features; raises unless it has five axes."""
    if len(shape) != 5:
        raise ValueError(
            "A readout needs features of shape (batch, frames, rows, columns, "
            "dim), as from `VideoEncoder.features`. Received: "
            f"{tuple(shape)}."
        )
    return shape


def far_apart():
    """Returns an initializer as wide as normalised features.

    With smaller values, queries need long to distinguish frames and positions.
    """
    return keras.initializers.RandomNormal(stddev=1.0)
