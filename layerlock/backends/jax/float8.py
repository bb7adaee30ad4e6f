"""Linear maps whose matrix products are of float8 numbers."""

import jax
from jax import numpy as jnp

from layerlock.backends.float8 import LEAST

# More digits for values, more range for gradients.
VALUES, GRADIENTS = jnp.float8_e4m3fn, jnp.float8_e5m2


def linear_float8(x, kernel, bias):
    """See the contract."""
    return _product(x, kernel) + bias


@jax.custom_vjp
def _product(x, kernel):
    return _forward(x, kernel)[0]


def _forward(x, kernel):
    rounded = _rounded(x, VALUES)
    y = _multiplied(rounded, _rounded(kernel, VALUES), ((1,), (0,)), x.dtype)
    # Not the rounded kernel: devices may gather the kernel again.
    return y, (rounded, kernel)


def _backward(kept, gradient):
    x, kernel = kept
    dtype = gradient.dtype
    kernel = _rounded(kernel, VALUES)
    gradient = _rounded(gradient, GRADIENTS)
    return (
        _multiplied(gradient, kernel, ((1,), (1,)), dtype),
        _multiplied(x, gradient, ((0,), (0,)), dtype),
    )


_product.defvjp(_forward, _backward)


def _rounded(x, dtype):
    """Float8 numbers, and the float32 scale to multiply them by."""
    largest = jnp.max(jnp.abs(x)).astype("float32")
    scale = jnp.maximum(largest, LEAST) / float(jnp.finfo(dtype).max)
    return (x.astype("float32") / scale).astype(dtype), scale


def _multiplied(x, y, axes, dtype):
    """The product of two results of `_rounded` over an axis of each."""
    product = jax.lax.dot_general(
        x[0],
        y[0],
        (axes, ((), ())),
        precision=jax.lax.Precision.HIGHEST,  # sums of 32 bits on a GPU, too
        preferred_element_type=dtype,
    )
    return (product.astype("float32") * (x[1] * y[1])).astype(dtype)
