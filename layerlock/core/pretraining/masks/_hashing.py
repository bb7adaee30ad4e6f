"""Stateless random permutations, the same on every backend.

They use int32 arithmetic that wraps around, which JAX, PyTorch and TensorFlow
have in common: JAX has no 64-bit integers by default, PyTorch has no
arithmetic on unsigned integers.
"""

import functools

import numpy as np
from keras import ops

from layerlock import backends

# Multipliers and shifts of an invertible mix of 32 bits with little bias.
# Reference: Wellons, "Prospecting for hash functions", 2018, lowbias32.
_SHIFTS = (16, 15, 16)
_MULTIPLIERS = (0x7FEB352D, 0x846CA68B)


def permutation_keys(batch_size, num, seed, batch_index, stream=0):
    """Returns one distinct integer for each element of each row.

    Sorting a row by its keys gives a random permutation. Inside a row the
    keys are an invertible function of the element's index, so there are no
    ties and the permutation does not depend on how a backend sorts.

    Args:
        batch_size: Number of rows, an int or a scalar tensor.
        num: int. Number of elements in a row.
        seed: int, from 0 to `2**64 - 1`.
        batch_index: Number of the batch, an int or a scalar tensor.
        stream: int. Draws with different streams are independent.

    Returns:
        int32 tensor of shape `(batch_size, num)`. The first keys of a row do
        not depend on `num`.
    """
    return keys_of_streams(batch_size, num, seed, batch_index, (stream,))[0]


def keys_of_streams(batch_size, num, seed, batch_index, streams):
    """Returns the `permutation_keys` of several streams.

    Steps that run eagerly take as long for several as for one.

    Args:
        batch_size, num, seed, batch_index: as for `permutation_keys`.
        streams: tuple of ints.

    Returns:
        int32 tensor of shape `(streams, batch_size, num)`.
    """
    states = backends.constant(_states(seed, streams), "int32")
    index = ops.cast(batch_index, "int32")
    rows = ops.arange(batch_size, dtype="int32")[:, None]
    numbers = _mix(_mix(states + index) ^ rows)  # (2 * streams, batch, 1)
    first, second = numbers[: len(streams)], numbers[len(streams) :]
    elements = ops.arange(num, dtype="int32")
    return _mix(_mix(first + elements) ^ second)


def shuffle(indices, seed, batch_index, stream=1):
    """Returns `indices` with every row in its own random order.

    Args:
        indices: Tensor of shape `(batch, num)`, `num` known statically.
        seed: int, from 0 to `2**64 - 1`.
        batch_index: Number of the batch, an int or a scalar tensor.
        stream: int. Draws with different streams are independent.
    """
    batch_size, num = ops.shape(indices)
    keys = permutation_keys(batch_size, num, seed, batch_index, stream)
    return sort_by(indices, keys)


def sort_by(indices, keys):
    """Returns `indices` with every row in the order of its keys.

    Args:
        indices: Tensor of shape `(batch, num)`.
        keys: Tensor of the same shape.
    """
    return ops.take_along_axis(indices, ops.argsort(keys, axis=1), axis=1)


@functools.lru_cache
def _states(seed, streams) -> np.ndarray:
    """Mixes seed and streams into int32 `(2 * streams, 1, 1)`."""
    if not 0 <= seed < 2**64:
        raise ValueError(
            "`seed` must be an integer from 0 to 2**64 - 1. "
            f"Received: seed={seed}."
        )
    states = []
    for half in (0, 1):
        for stream in streams:
            state = 0
            for word in (seed & 0xFFFFFFFF, seed >> 32, 2 * stream + half):
                state = _mix_int(state ^ word)
            states.append(_signed(state))
    return np.array(states, "int32")[:, None, None]


def _mix(x):
    """Scrambles each int32 of a tensor; distinct values stay distinct."""
    # Not `ops`: in eager steps they take ten times as long as operators.
    x = x ^ backends.shift_right(x, _SHIFTS[0])
    for multiplier, shift in zip(_MULTIPLIERS, _SHIFTS[1:], strict=True):
        x = x * _signed(multiplier)
        x = x ^ backends.shift_right(x, shift)
    return x


def _mix_int(x):
    """`_mix` of a Python integer from 0 to `2**32 - 1`."""
    x ^= x >> _SHIFTS[0]
    for multiplier, shift in zip(_MULTIPLIERS, _SHIFTS[1:], strict=True):
        x = x * multiplier & 0xFFFFFFFF
        x ^= x >> shift
    return x


def _signed(word):
    """The int32 with the same bits as `word`, from 0 to `2**32 - 1`."""
    return word - (1 << 32) if word >> 31 else word
