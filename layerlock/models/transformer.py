"""The transformer block."""

import keras

from layerlock import backends
from layerlock.models import numerics, remat as remat_policies
from layerlock.models.float8 import multiplies_float8
from layerlock.models.neighbour_rotation import swap_neighbours
from layerlock.models.queries import (
    number_and_indices,
    select,
    select_angles,
)
from layerlock.models.rope import head_part, rotate
from layerlock.models.weights import add_linear, add_norm, stored_values

ROTATED = (None, "tokens", "queries_and_keys", "neighbours")


@keras.saving.register_keras_serializable("layerlock")
class TransformerBlock(keras.layers.Layer):
    """Self-attention and an MLP, each with pre-normalisation and a residual.

    The block has no sublayers: with eager steps, the overhead of a sublayer is
    longer than its arithmetic in a small network.

    Reference: [An image is worth 16x16 words, Dosovitskiy et al., 2020](
    https://arxiv.org/abs/2010.11929), Eq. 2 and 3. Initial values follow
    [Scaling 4D representations, Carreira et al., 2024](
    https://arxiv.org/abs/2412.15212): LeCun normal for attention, Glorot
    uniform for the MLP.

    Args:
        num_heads: int, attention heads.
        hidden_dim: int, features of a token, a multiple of `num_heads`.
        mlp_dim: int, features inside of the MLP.
        rotated: the rotated tensors: `"tokens"`, after the first
            normalisation, so that queries, keys and values are rotated;
            `"queries_and_keys"`; `"neighbours"`, which are queries and keys
            whose planes are pairs of neighbours; or `None`. Defaults to
            `None`.
        remat: `"none"`, `"blocks"` or `"attention"`: which activations the
            backward pass computes again, see `layerlock.models.remat`.
            Defaults to `"none"`.
        epsilon: float, added to the variance. Defaults to `1e-6`.
        activation: str, of the MLP: `"gelu"`, `"gelu_tanh"`, its
            approximation by a hyperbolic tangent, or `"silu"`. Defaults to
            `"gelu"`.

    Call arguments:
        tokens: Shape `(batch, tokens, hidden_dim)`.
        rotation: Cosine and signed sine of each feature. Shape of each
            `(batch, tokens, hidden_dim)` for rotated tokens,
            `(batch, tokens, 1, hidden_dim / num_heads)` for rotated queries
            and keys; the batch may be 1. `None`: no rotation.
        queries: the tokens whose outputs are computed: an int, so many at the
            end, or int32 indices of shape `(batch, queries)`. All tokens are
            keys and values. Defaults to `None`: all.

    Output shape:
        `(batch, queries, hidden_dim)`.

    Example:

    >>> block = TransformerBlock(num_heads=4, hidden_dim=96, mlp_dim=384)
    >>> tokens = keras.random.normal((2, 10, 96))
    >>> tuple(block(tokens).shape), tuple(block(tokens, queries=3).shape)
    ((2, 10, 96), (2, 3, 96))
    """

    def __init__(
        self,
        num_heads,
        hidden_dim,
        mlp_dim,
        rotated=None,
        remat="none",
        epsilon=1e-6,
        activation="gelu",
        **kwargs,
    ):
        super().__init__(**kwargs)
        if hidden_dim % num_heads:
            larger = hidden_dim + num_heads - hidden_dim % num_heads
            raise ValueError(
                "`hidden_dim` must be a multiple of `num_heads`. Received: "
                f"hidden_dim={hidden_dim}, num_heads={num_heads}. "
                f"The next multiple is {larger}."
            )
        if rotated not in ROTATED:
            raise ValueError(
                f"`rotated` must be one of {ROTATED}. "
                f"Received: rotated={rotated!r}."
            )
        numerics.check_activation(activation)
        self.num_heads = num_heads
        self.hidden_dim = hidden_dim
        self.mlp_dim = mlp_dim
        self.rotated = rotated
        self.remat = remat_policies.check(remat)
        self.epsilon = epsilon
        self.activation = activation

    def build(self, input_shape):
        dim, mlp_dim = self.hidden_dim, self.mlp_dim
        self.attention_norm = add_norm(self, "attention_norm", dim)
        # LeCun's variance depends on the inputs only, so one fused kernel has
        # the same initial values as three.
        self.qkv = add_linear(self, "qkv", dim, 3 * dim)
        self.attention_output = add_linear(self, "attention_output", dim, dim)
        self.mlp_norm = add_norm(self, "mlp_norm", dim)
        self.mlp_expand = add_linear(
            self, "mlp_expand", dim, mlp_dim, "glorot_uniform"
        )
        self.mlp_output = add_linear(
            self, "mlp_output", mlp_dim, dim, "glorot_uniform"
        )

    def call(self, tokens, rotation=None, queries=None):
        number, indices = number_and_indices(queries, tokens)
        weights = stored_values(
            (
                self.attention_norm,
                self.qkv,
                self.attention_output,
                self.mlp_norm,
                self.mlp_expand,
                self.mlp_output,
            ),
            cut=() if queries is None else self.qkv,
        )
        attention = {
            "num_queries": number,
            "heads": self.num_heads,
            "rotated": self.rotated,
            "epsilon": self.epsilon,
            "float8": multiplies_float8(self),
        }
        transform = _transform
        # On JAX, the rematerialisation of Keras would capture the weights of
        # its first call as constants of the backward pass.
        if self.remat == "attention":
            x = backends.recomputed(_attend)(
                tokens, rotation, indices, *weights[:3], **attention
            )
            return _add_mlp(
                tokens,
                x,
                indices,
                *weights[3:],
                num_queries=number,
                epsilon=self.epsilon,
                float8=attention["float8"],
                activation=self.activation,
            )
        if self.remat != "none":
            transform = backends.recomputed(_transform)
        return transform(
            tokens,
            rotation,
            indices,
            *weights,
            **attention,
            activation=self.activation,
        )

    def get_config(self):
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "hidden_dim": self.hidden_dim,
            "mlp_dim": self.mlp_dim,
            "rotated": self.rotated,
            "remat": self.remat,
            "epsilon": self.epsilon,
            "activation": self.activation,
        }


def _attention(
    tokens,
    rotation,
    indices,
    norm,
    qkv,
    output,
    num_queries,
    heads,
    rotated,
    epsilon,
    float8,
):
    """What attention adds to the queries, as a matrix of rows."""
    dim = tokens.shape[-1]
    chosen = num_queries, indices
    x = numerics.layer_normalization(tokens, *norm, epsilon)
    if rotated == "tokens" and rotation is not None:
        x = rotate(x, *rotation, part=dim)
        rotation = None

    if chosen == (None, None):
        x = _heads(x, *qkv, 3 * heads, heads, float8)
        if rotation is None:
            query, key, value = backends.split(x, [heads] * 3, axis=2)
        else:
            x, value = backends.split(x, [2 * heads, heads], axis=2)
            x = _rotate_heads(x, rotation, rotated)
            query, key = backends.split(x, [heads, heads], axis=2)
    else:
        kernels = backends.split(qkv[0], [dim, 2 * dim], axis=1)
        biases = backends.split(qkv[1], [dim, 2 * dim], axis=0)
        query, both = zip(kernels, biases, strict=True)
        query = _heads(select(x, *chosen), *query, heads, heads, float8)
        x = _heads(x, *both, 2 * heads, heads, float8)
        key, value = backends.split(x, [heads, heads], axis=2)
        if rotation is not None:
            key = _rotate_heads(key, rotation, rotated)
            rotation = [select_angles(x, *chosen) for x in rotation]
            query = _rotate_heads(query, rotation, rotated)
    x = numerics.attention(query, key, value)
    return numerics.linear(backends.reshape(x, (-1, dim)), *output, float8)


def _mlp(
    tokens,
    x,
    indices,
    norm,
    expand,
    output,
    num_queries,
    epsilon,
    float8,
    activation,
):
    """The outputs of the queries, of tokens and what attention adds."""
    tokens = select(tokens, num_queries, indices)
    shape = backends.shape(tokens)
    # Matrices instead of batches of matrices: a third faster with XLA.
    tokens = backends.reshape(tokens, (-1, shape[-1])) + x
    x = numerics.layer_normalization(tokens, *norm, epsilon)
    x = numerics.activate(activation, numerics.linear(x, *expand, float8))
    tokens = tokens + numerics.linear(x, *output, float8)
    return backends.reshape(tokens, shape)


# Functions of tensors alone, compiled once for all blocks of a shape.
_attend = backends.fused(_attention)
_add_mlp = backends.fused(_mlp)


@backends.fused
def _transform(tokens, rotation, indices, *weights, activation, **attention):
    x = _attention(tokens, rotation, indices, *weights[:3], **attention)
    return _mlp(
        tokens,
        x,
        indices,
        *weights[3:],
        num_queries=attention["num_queries"],
        epsilon=attention["epsilon"],
        float8=attention["float8"],
        activation=activation,
    )


def _heads(x, kernel, bias, count, heads, float8):
    """A linear map, split into heads: `(batch, tokens, count, head_dim)`."""
    batch, tokens, dim = backends.shape(x)
    x = backends.reshape(x, (-1, dim))
    x = numerics.linear(x, kernel, bias, float8)
    return backends.reshape(x, (batch, tokens, count, dim // heads))


def _rotate_heads(x, rotation, rotated):
    if rotated == "neighbours":
        cos, sin = rotation
        return backends.multiply_add(x * cos, swap_neighbours(x), sin)
    return rotate(x, *rotation, part=head_part(x.shape[-1]))


def run_blocks(blocks: list, tokens, rotation, queries=None):
    """Runs blocks one after another.

    Args:
        blocks: list of `TransformerBlock`.
        tokens: Shape `(batch, tokens, hidden_dim)`.
        rotation: as for the blocks.
        queries: the tokens whose outputs are needed, as for a block. Only the
            last block computes fewer outputs. Defaults to `None`: all.

    Output shape:
        `(batch, queries, hidden_dim)`.
    """
    if not blocks:
        return select(tokens, *number_and_indices(queries, tokens))
    *earlier, last = blocks
    for block in earlier:
        tokens = backends.call_layer(block, tokens, rotation)
    return backends.call_layer(last, tokens, rotation, queries=queries)
