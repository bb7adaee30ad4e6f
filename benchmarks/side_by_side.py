"""Times training in `model.fit` and something else in turn."""

import statistics
import time

import keras


class Rounds(keras.callbacks.Callback):
    """Lets `fit` and something else train by turns, and compares their times.

    Place it last: what the other callbacks do counts for `fit`.

    Args:
        theirs: function without arguments, as much work as `steps` batches;
            returns when its work is done.
        steps: int, batches of a round.
        rounds: int, after one that warms up.
        first_batch: int, batches before the first round. Defaults to `0`.
    """

    def __init__(self, theirs, steps: int, rounds: int, first_batch: int = 0):
        super().__init__()
        self.theirs = theirs
        self.steps = steps
        self.rounds = rounds
        self.first_batch = first_batch
        self.times = []

    def on_train_batch_end(self, batch, logs=None):
        done = batch + 1 - self.first_batch
        if done < 0 or done % self.steps:
            return
        float(logs["batch_loss"])  # waits for the device
        ended = time.perf_counter()
        if done:
            started = time.perf_counter()
            self.theirs()
            taken = time.perf_counter() - started
            self.times.append((ended - self.began, taken))
        self.began = time.perf_counter()

    def found(self) -> dict:
        """`ratio`, the median of ours over theirs, with `low` and `high`."""
        times = self.times[1:]
        ratios = [ours / theirs for ours, theirs in times]
        ours, theirs = zip(*times, strict=True)
        return {
            "ratio": statistics.median(ratios),
            "low": min(ratios),
            "high": max(ratios),
            "step_seconds_ours": statistics.median(ours) / self.steps,
            "step_seconds_theirs": statistics.median(theirs) / self.steps,
        }
