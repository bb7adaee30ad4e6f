"""Operations of the networks that keep float64 precision.

Keras promotes types like JAX without 64 bits: on JAX and PyTorch some
operations silently compute float64 in float32, and TensorFlow converts Python
floats to float32. These functions use a plain formula for float64, and the
fused operation for every other dtype.
"""

import math

from keras import ops

from layerlock import backends


def at_least_float32(dtype: str) -> str:
    """Returns float64 for float64 and float32 for anything else."""
    return "float64" if dtype == "float64" else "float32"


def linear(x, kernel, bias, float8=False):
    """Returns `x @ kernel + bias` for a matrix `x`.

    Args:
        float8: bool, whether to multiply float8 numbers. Defaults to `False`.
    """
    if float8:
        return backends.linear_float8(x, kernel, bias)
    if _is_float64(x):
        # Not `ops.add`: Keras 3.16 rounds its result on PyTorch.
        return ops.einsum("nd,de->ne", x, kernel) + bias
    return backends.linear(x, kernel, bias)


def gelu(x):
    """Returns the exact GELU, `x` times the normal distribution's CDF."""
    if _is_float64(x):
        return 0.5 * x * (1.0 + ops.erf(x * 0.5**0.5))
    return backends.gelu(x)


def _gelu_tanh(x):
    """Returns the approximation of GELU by a hyperbolic tangent."""
    if _is_float64(x):
        inner = (2 / math.pi) ** 0.5 * (x + 0.044715 * x * x * x)
        # (1 + tanh(y)) / 2; Keras's own tanh is rounded on JAX.
        return x * ops.sigmoid(2.0 * inner)
    return ops.gelu(x, approximate=True)


def _silu(x):
    return x * ops.sigmoid(x)


_ACTIVATIONS = {"gelu": gelu, "gelu_tanh": _gelu_tanh, "silu": _silu}


def check_activation(name: str):
    """Raises unless there is an activation of this name."""
    if name not in _ACTIVATIONS:
        raise ValueError(
            f"`activation` must be one of {list(_ACTIVATIONS)}. Received: "
            f"activation={name!r}."
        )


def activate(name: str, x):
    """Returns the activation of this name."""
    return _ACTIVATIONS[name](x)


def layer_normalization(x, gamma, beta, epsilon: float):
    """Normalises the last axis; statistics are float32 or better."""
    if _is_float64(x):
        dim = x.shape[-1]
        x = x - ops.sum(x, axis=-1, keepdims=True) / dim
        variance = ops.sum(ops.square(x), axis=-1, keepdims=True) / dim
        return x * ops.rsqrt(variance + epsilon) * gamma + beta
    return backends.layer_normalization(x, gamma, beta, epsilon)


def token_mean(tokens):
    """Mean over the tokens of a clip; Keras's mean would round float64.

    Args:
        tokens: Shape `(batch, tokens, dim)`.

    Output shape:
        `(batch, 1, dim)`.
    """
    count = ops.shape(tokens)[1]
    if not isinstance(count, int):  # of TensorFlow, known when it runs
        count = ops.cast(count, tokens.dtype)
    return ops.sum(tokens, axis=1, keepdims=True) / count


def attention(query, key, value):
    """Softmax attention, fused if the backend supports it.

    Args:
        query: Shape `(batch, tokens, heads, head_dim)`.
        key: Shape `(batch, other_tokens, heads, head_dim)`.
        value: Same shape as `key`.

    Returns:
        Same shape as `query`. The softmax is float32 or better.
    """
    scale = query.shape[-1] ** -0.5
    if _is_float64(query):
        logits = ops.einsum("bqhd,bkhd->bhqk", query, key) * scale
        return ops.einsum("bhqk,bkhd->bqhd", ops.softmax(logits), value)
    return backends.attention(query, key, value, scale)


def _is_float64(x):
    return "float64" in str(x.dtype)  # such as torch.float64
