"""Stateless random permutations, the same on every backend.

They use int32 arithmetic that wraps around, which JAX, PyTorch and TensorFlow
have in common: JAX has no 64-bit integers by default, PyTorch has no
arithmetic on unsigned integers.
"""

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
        int32 tensor of shape `(batch_size, num)`.
    """
    rows = ops.arange(batch_size, dtype="int32")[:, None]
    first, second = (
        _mix(ops.bitwise_xor(_row_state(seed, stream, half, batch_index), rows))
        for half in (0, 1)
    )  # two times (batch, 1)
    elements = ops.arange(num, dtype="int32")[None, :]
    # In this order: on TensorFlow, Keras mistakes a column as long as the row
    # for a bias and does not broadcast it.
    return _mix(ops.bitwise_xor(_mix(ops.add(first, elements)), second))


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
    return ops.take_along_axis(indices, ops.argsort(keys, axis=1), axis=1)


def _row_state(seed, stream, half, batch_index):
    """Mixes seed, stream and batch into a scalar int32 tensor."""
    if not 0 <= seed < 2**64:
        raise ValueError(
            "`seed` must be an integer from 0 to 2**64 - 1. "
            f"Received: seed={seed}."
        )
    state = 0
    for word in (seed & 0xFFFFFFFF, seed >> 32, 2 * stream + half):
        state = _mix_int(state ^ word)
    batch_index = ops.cast(batch_index, "int32")
    return _mix(ops.add(batch_index, _word(_signed(state))))


def _mix(x):
    """Scrambles each int32 of a tensor; distinct values stay distinct."""
    x = _xor_shifted(x, _SHIFTS[0])
    for multiplier, shift in zip(_MULTIPLIERS, _SHIFTS[1:], strict=True):
        x = _xor_shifted(ops.multiply(x, _word(_signed(multiplier))), shift)
    return x


def _xor_shifted(x, shift):
    # Shifting an int32 repeats its sign: the mask makes the shift logical.
    shifted = ops.bitwise_right_shift(x, shift)
    logical = ops.bitwise_and(shifted, _word((1 << (32 - shift)) - 1))
    return ops.bitwise_xor(x, logical)


def _word(number):
    return backends.constant(number, "int32")


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
