"""Random numbers of the process, which library code leaves as they were."""

import contextlib
import random

from layerlock import backends


@contextlib.contextmanager
def preserved():
    """Context after which draws are as if nothing had been drawn in it.

    Draws of Python, and of the framework: Keras draws seeds of weights from
    the former, and `fit` on PyTorch from the latter. Nothing here draws from
    NumPy's global state.
    """
    state = random.getstate()
    try:
        with backends.preserved_random_state():
            yield
    finally:
        random.setstate(state)


@contextlib.contextmanager
def seeded(seed: int):
    """Context in which the weights of new layers are a function of `seed`.

    Initializers and `SeedGenerator`s of Keras draw their seeds from Python's
    `random`. Its state is restored afterwards. Weights equal those after
    `keras.utils.set_random_seed`.

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
