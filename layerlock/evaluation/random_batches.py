"""Random batches of examples, for training."""

import numpy as np

from layerlock.data.streams import DecodingError


def random_batches(features, batch_size: int, seed: int):
    """Yields random batches without end, with one random view per example.

    Each epoch contains every example once. A batch is always full: readable
    examples of the batch are repeated in place of unreadable ones.

    Args:
        features: the `Features`.
        batch_size: int, at most the number of examples.
        seed: int, of order and views.
    """
    rng = np.random.default_rng(seed)
    size = min(batch_size, len(features))
    order, missed = np.empty(0, int), 0
    while True:
        if len(order) < size:
            order = np.append(order, rng.permutation(len(features)))
        indices, order = np.sort(order[:size]), order[size:]
        try:
            values, truth = features.batch(indices)
        except DecodingError:
            missed += size
            if missed >= 2 * len(features):  # no example is readable
                raise
            continue
        missed = 0
        view = rng.integers(values.shape[1], size=len(values))
        values = values[np.arange(len(values)), view]
        rows = np.resize(np.arange(len(values)), size)
        yield values[rows], truth[rows]
