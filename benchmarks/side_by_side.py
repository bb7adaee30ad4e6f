"""Times two ways of doing the same by turns: what they share is left out."""

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
        """The `ratio` of ours over theirs, and the seconds of a step."""
        return {
            **ratio(self.times[1:]),
            "step_seconds_ours": median_of(self.times[1:], 0) / self.steps,
            "step_seconds_theirs": median_of(self.times[1:], 1) / self.steps,
        }


def ratio(times) -> dict:
    """`ratio`, the median of the first over the second, with `low` and `high`.

    Args:
        times: list of pairs of floats.
    """
    ratios = [first / second for first, second in times]
    return {
        "ratio": statistics.median(ratios),
        "low": min(ratios),
        "high": max(ratios),
    }


def median_of(times, place: int) -> float:
    """The median of the first or the second times of some pairs."""
    return statistics.median(pair[place] for pair in times)
