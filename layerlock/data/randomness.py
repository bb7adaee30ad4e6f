"""Random numbers without hidden state: functions of a seed and counters."""

import numpy as np

_WORD = 2**64


def generator(seed: int, stream: int, *counters: int) -> np.random.Generator:
    """Returns the generator that belongs to a seed, a stream and counters.

    Equal arguments give equal numbers, in any process and in any order.
    Other arguments give independent ones.

    Args:
        seed: The run's seed, any int of at least 0.
        stream: The purpose of the numbers, a constant of the caller.
        *counters: At most two ints of at least 0, such as the index of a clip
            and the number of the attempt.

    Example:

    >>> generator(0, 1, 7).integers(100) == generator(0, 1, 7).integers(100)
    np.True_
    """
    if len(counters) > 2:
        raise ValueError(f"At most two counters fit. Received: {counters}.")
    first, second = (*counters, 0, 0)[:2]
    # The two low words are free: the generator counts its numbers in them.
    return np.random.Generator(
        np.random.Philox(
            key=[seed % _WORD, stream % _WORD],
            counter=[0, 0, second % _WORD, first % _WORD],
        )
    )
