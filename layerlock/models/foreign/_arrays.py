"""From the arrays of other libraries to the variables of LayerLock."""

import dataclasses
from collections.abc import Callable

import numpy as np


@dataclasses.dataclass(frozen=True)
class Array:
    """The value of a variable: a function of arrays of a file.

    Attributes:
        names: tuple of the names of the arrays.
        convert: function from these arrays to the value.
    """

    names: tuple[str, ...]
    convert: Callable


def same(name: str) -> Array:
    """An array as it is."""
    return Array((name,), lambda x: x)


def matrix(name: str) -> Array:
    """An array with all its axes but the first and the last of size 1."""
    return Array((name,), lambda x: x.reshape(x.shape[0], -1))


def reshaped(name: str, *shape: int) -> Array:
    """An array of another shape; the last axis stays."""
    return Array((name,), lambda x: x.reshape(*shape, x.shape[-1]))


def rows(*names: str) -> Array:
    """Vectors of whatever axes of size 1, as the rows of a matrix."""
    return Array(names, lambda *x: np.stack([np.ravel(a) for a in x]))


def raised_rows(added: str, *names: str) -> Array:
    """Vectors as the rows of a matrix, with one added to each of them."""
    return Array(
        (added, *names),
        lambda a, *x: np.stack([np.ravel(b) + np.ravel(a) for b in x]),
    )


def transposed(name: str) -> Array:
    """The kernel of a linear map from PyTorch's `(outputs, inputs)`."""
    return Array((name,), np.transpose)


def joined(*names: str) -> Array:
    """Kernels of PyTorch beside each other, such as those of q, k and v."""
    return Array(names, lambda *x: np.concatenate([a.T for a in x], axis=1))


def appended(*names: str) -> Array:
    """Vectors after each other, such as the biases of q, k and v."""
    return Array(names, lambda *x: np.concatenate(x))


def query_and_value(query: str, value: str) -> Array:
    """Biases of q and v with zeros between them.

    A bias of k adds the same number to all logits of a query, which the
    softmax does not see.
    """
    return Array(
        (query, value),
        lambda q, v: np.concatenate([q, np.zeros_like(q), v]),
    )


def flat_inputs(name: str) -> Array:
    """The kernel of flax with all its axes but the last as inputs."""
    return Array((name,), lambda x: x.reshape(-1, x.shape[-1]))


def heads(*names: str) -> Array:
    """Kernels of flax, `(inputs, heads, features)`, beside each other."""
    return Array(
        names,
        lambda *x: np.concatenate(
            [a.reshape(a.shape[0], -1) for a in x], axis=1
        ),
    )


def flattened(*names: str) -> Array:
    """Biases of flax, `(heads, features)`, after each other."""
    return Array(names, lambda *x: np.concatenate([np.ravel(a) for a in x]))


def identity(size: int) -> Array:
    """The kernel of a map that the original does not have."""
    return Array((), lambda: np.eye(size, dtype="float32"))


def zeros(*shape: int) -> Array:
    """A bias that the original does not have."""
    return Array((), lambda: np.zeros(shape, "float32"))


def total(*names: str) -> Array:
    """The sum of vectors, of whatever axes of size 1."""
    return Array(names, lambda *x: sum(map(np.ravel, x)))


def patch_kernel(name: str) -> Array:
    """The kernel of PyTorch's 3-D convolution over patches.

    From `(outputs, channels, frames, rows, columns)` to a linear map whose
    inputs are in LayerLock's order: the channel is the fastest index.
    """
    return Array(
        (name,),
        lambda x: np.transpose(x, (2, 3, 4, 1, 0)).reshape(-1, x.shape[0]),
    )
