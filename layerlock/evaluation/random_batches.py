"""Batches of random examples, for training."""

import numpy as np

from layerlock.data.streams import DecodingError


def random_batches(features, batch_size: int, seed: int):
    """Yields batches of random examples without end, one random view of each.

    In each round every example comes once. A batch is always full: in place
    of examples that cannot be read, others of it come twice.

    Args:
        features: the `Features`.
        batch_size: int, at most as many as there are examples.
        seed: int, of what is drawn.
    """
    draw = np.random.default_rng(seed)
    size = min(batch_size, len(features))
    order, missed = np.empty(0, int), 0
    while True:
        if len(order) < size:
            order = np.append(order, draw.permutation(len(features)))
        chosen, order = np.sort(order[:size]), order[size:]
        try:
            values, truth = features.batch(chosen)
        except DecodingError:
            missed += size
            if missed >= 2 * len(features):  # nothing is left
                raise
            continue
        missed = 0
        view = draw.integers(values.shape[1], size=len(values))
        values = values[np.arange(len(values)), view]
        whole = np.resize(np.arange(len(values)), size)
        yield values[whole], truth[whole]
