"""Python's random numbers, from which Keras draws the seeds of weights."""

import contextlib
import random


@contextlib.contextmanager
def preserved():
    """Context after which Python draws as if nothing had been drawn in it."""
    state = random.getstate()
    try:
        yield
    finally:
        random.setstate(state)


@contextlib.contextmanager
def seeded(seed: int):
    """Context in which the weights of new layers are a function of `seed`.

    Initializers and `SeedGenerator`s of Keras draw their seeds from Python's
    `random`. Its state is restored afterwards; NumPy and the framework are
    not touched. Weights equal those after `keras.utils.set_random_seed`.

    Args:
        seed: int.

    Example:

    >>> import keras
    >>> with seeded(3):
    ...     first = keras.initializers.RandomNormal().seed
    >>> with seeded(3):
    ...     again = keras.initializers.RandomNormal().seed
    >>> first == again
    True
    """
    with preserved():
        random.seed(seed)
        yield
