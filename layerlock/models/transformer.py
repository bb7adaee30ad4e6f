"""The transformer block."""

import keras
from keras import ops

from layerlock import backends
from layerlock.models import numerics
from layerlock.models.rope import head_part, rotate
from layerlock.models.weights import add_linear, add_norm, stored_values

ROTATED = (None, "tokens", "queries_and_keys")


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
            `"queries_and_keys"`; or `None`. Defaults to `None`.
        remat: bool, whether the backward pass recomputes the activations of
            the block. Defaults to `False`.
        epsilon: float, added to the variance. Defaults to `1e-6`.

    Call arguments:
        tokens: Shape `(batch, tokens, hidden_dim)`.
        rotation: Cosine and signed sine of each feature. Shape of each
            `(batch, tokens, hidden_dim)` for rotated tokens,
            `(batch, tokens, 1, hidden_dim / num_heads)` for rotated queries
            and keys; the batch may be 1. `None`: no rotation.

    Output shape:
        Same as `tokens`.

    Example:

    >>> block = TransformerBlock(num_heads=4, hidden_dim=96, mlp_dim=384)
    >>> tuple(block(keras.random.normal((2, 10, 96))).shape)
    (2, 10, 96)
    """

    def __init__(
        self,
        num_heads,
        hidden_dim,
        mlp_dim,
        rotated=None,
        remat=False,
        epsilon=1e-6,
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
        self.num_heads = num_heads
        self.hidden_dim = hidden_dim
        self.mlp_dim = mlp_dim
        self.rotated = rotated
        self.remat = remat
        self.epsilon = epsilon

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

    def call(self, tokens, rotation=None):
        weights = [
            stored_values(pair)
            for pair in (
                self.attention_norm,
                self.qkv,
                self.attention_output,
                self.mlp_norm,
                self.mlp_expand,
                self.mlp_output,
            )
        ]
        # On JAX, the rematerialisation of Keras would capture the weights of
        # its first call as constants of the backward pass.
        transform = (
            backends.recomputed(_transform) if self.remat else _transform
        )
        return transform(
            tokens,
            rotation,
            *weights,
            heads=self.num_heads,
            rotated=self.rotated,
            epsilon=self.epsilon,
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
        }


# A function of tensors alone, compiled once for all blocks of a shape.
@backends.fused
def _transform(
    tokens,
    rotation,
    attention_norm,
    qkv,
    attention_output,
    mlp_norm,
    mlp_expand,
    mlp_output,
    heads,
    rotated,
    epsilon,
):
    shape = ops.shape(tokens)
    dim = shape[-1]
    x = numerics.layer_normalization(tokens, *attention_norm, epsilon)
    if rotated == "tokens" and rotation is not None:
        x = rotate(x, *rotation, part=dim)

    x = numerics.linear(backends.reshape(x, (-1, dim)), *qkv)
    x = backends.reshape(x, (*shape[:2], 3 * heads, dim // heads))
    if rotated == "queries_and_keys" and rotation is not None:
        turned, value = backends.split(x, [2 * heads, heads], axis=2)
        turned = rotate(turned, *rotation, part=head_part(dim // heads))
        query, key = backends.split(turned, [heads, heads], axis=2)
    else:
        query, key, value = backends.split(x, [heads, heads, heads], axis=2)
    x = numerics.attention(query, key, value)
    x = numerics.linear(backends.reshape(x, (-1, dim)), *attention_output)

    # Matrices instead of batches of matrices: a third faster with XLA.
    tokens = backends.reshape(tokens, (-1, dim)) + x
    x = numerics.layer_normalization(tokens, *mlp_norm, epsilon)
    x = numerics.gelu(numerics.linear(x, *mlp_expand))
    tokens = tokens + numerics.linear(x, *mlp_output)
    return backends.reshape(tokens, shape)
