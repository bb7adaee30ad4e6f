"""Times two ways of doing the same by turns: what they share is left out."""

import concurrent.futures
import statistics
import sys
import threading
import time

import keras


class Rounds(keras.callbacks.Callback):
    """Lets `fit` and something else train by turns, and compares their times.

    A turn is a step, so that both see the same of what else the machine does;
    a round is as many of them as make a fair share of what does not come with
    every step, such as a log line. Place it last: what the other callbacks do
    counts for `fit`.

    Args:
        theirs: function without arguments, as much work as a step; returns
            when its work is done.
        steps: int, steps of a round.
        rounds: int, after one that warms up.
        first_batch: int, batches before the first round; at least one, which
            compiles.
    """

    def __init__(self, theirs, steps: int, rounds: int, first_batch: int):
        super().__init__()
        self.theirs = theirs
        self.steps = steps
        self.rounds = rounds
        self.first_batch = first_batch
        self.turns = []

    @property
    def num_batches(self) -> int:
        """How many batches `fit` is to train."""
        return self.first_batch + self.steps * (self.rounds + 1)

    @property
    def times(self) -> list:
        """Pairs of seconds, ours and theirs, of each round that counts."""
        starts = range(self.steps, len(self.turns), self.steps)
        rounds = (self.turns[start : start + self.steps] for start in starts)
        return [tuple(map(sum, zip(*turns, strict=True))) for turns in rounds]

    def on_train_batch_end(self, batch, logs=None):
        done = batch + 1 - self.first_batch
        if done < 0:
            return
        float(logs["batch_loss"])  # waits for the device
        ended = time.perf_counter()
        if done:
            started = time.perf_counter()
            self.theirs()
            taken = time.perf_counter() - started
            self.turns.append((ended - self.began, taken))
        self.began = time.perf_counter()

    def found(self) -> dict:
        """The `ratio` of ours over theirs, and the seconds of a step."""
        return {
            **ratio(self.times),
            "step_seconds_ours": median_of(self.times, 0) / self.steps,
            "step_seconds_theirs": median_of(self.times, 1) / self.steps,
        }


class Guest(keras.callbacks.Callback):
    """Another `fit`, in a thread of its own, that trains a step when asked to.

    Use it as a context manager; at its end that `fit` ends, too.

    Args:
        train: function of a number of steps and a callback, which calls `fit`.
    """

    def __init__(self, train):
        super().__init__()
        self.train = train
        self._asked = threading.Semaphore(0)
        self._done = threading.Semaphore(0)
        self._is_over = False

    def __enter__(self):
        self._pool = concurrent.futures.ThreadPoolExecutor(1)
        self._fit = self._pool.submit(self._run)
        return self

    def train_step(self):
        """Trains a step, and returns when the device is done with it."""
        self._asked.release()
        self._done.acquire()
        if self._fit.done():
            self._fit.result()  # raises what went wrong

    def on_train_batch_end(self, batch, logs=None):
        float(logs["batch_loss"])  # waits for the device
        self._done.release()
        self._asked.acquire()
        self.model.stop_training = self._is_over

    def __exit__(self, *error):
        self._is_over = True
        self._asked.release()
        self._pool.shutdown()

    def _run(self):
        try:
            self._asked.acquire()
            self.train(sys.maxsize, self)
        finally:
            self._done.release()


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
