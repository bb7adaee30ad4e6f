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
    a round is as many turns as make a fair share of what does not come with
    every step, such as a log line. Place it last: what the other callbacks do
    counts for `fit`.

    After its turn each waits for the device. Where that costs time, let a turn
    be several steps: both then wait for the last of them only.

    Args:
        theirs: function of a number of steps, which does as much work as they
            do, and returns when it is done.
        steps: int, steps of a round.
        rounds: int, after one that warms up.
        first_batch: int, batches before the first round; at least one, which
            compiles.
        turn: int, steps of a turn, a divisor of `steps`. Defaults to `1`.
    """

    takes_tensors = True  # `fit` need not wait for the logs of every batch

    def __init__(
        self, theirs, steps: int, rounds: int, first_batch: int, turn: int = 1
    ):
        super().__init__()
        if steps % turn:
            raise ValueError(
                "A round is a number of whole turns. Received: "
                f"steps={steps}, turn={turn}."
            )
        self.theirs = theirs
        self.steps = steps
        self.rounds = rounds
        self.first_batch = first_batch
        self.turn = turn
        self.turns = []

    @property
    def num_batches(self) -> int:
        """How many batches `fit` is to train."""
        return self.first_batch + self.steps * (self.rounds + 1)

    @property
    def times(self) -> list:
        """Pairs of seconds, ours and theirs, of each round that counts."""
        count = self.steps // self.turn
        starts = range(count, len(self.turns), count)
        rounds = (self.turns[start : start + count] for start in starts)
        return [tuple(map(sum, zip(*turns, strict=True))) for turns in rounds]

    def on_train_batch_end(self, batch, logs=None):
        done = batch + 1 - self.first_batch
        is_over = batch >= self.num_batches
        if done < 0 or done % self.turn or is_over:
            return
        float(logs["batch_loss"])  # waits for the device
        ended = time.perf_counter()
        if done:
            started = time.perf_counter()
            self.theirs(self.turn)
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
    """Another `fit`, in a thread of its own, that trains steps when asked to.

    Use it as a context manager; at its end that `fit` ends, too.

    Args:
        train: function of a number of steps and a callback, which calls `fit`.
    """

    takes_tensors = True

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

    def train_steps(self, num_steps: int):
        """Trains some steps, and returns when the device is done with them."""
        for _ in range(num_steps):
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


def times_of_fits(ours, theirs, steps: int, rounds: int) -> list:
    """Pairs of seconds of each round of two `fit` that take turns.

    Args:
        ours: function of a number of steps and a callback, which calls `fit`.
        theirs: the same.
        steps: int, steps of a round.
        rounds: int, after one that warms up.
    """
    guest = Guest(theirs)
    turns = Rounds(guest.train_steps, steps, rounds, first_batch=1)
    with guest:
        ours(turns.num_batches, turns)
    return turns.times


class WaitForStep(keras.callbacks.Callback):
    """Waits for the device after each step.

    Place it first, so that the other callbacks are not charged for the step.
    """

    takes_tensors = True

    def on_train_batch_end(self, batch, logs=None):
        float(logs["batch_loss"])


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


def alternating(ours, theirs, clips: int, rounds: int) -> dict:
    """Clips per second of two readers that take turns, and their ratio.

    Args:
        ours: function of an index, which reads a clip in this thread.
        theirs: the same.
        clips: int, of a round.
        rounds: int, after one that warms the cache of the disk.
    """
    times = []
    for number in range(rounds + 1):
        order = (ours, theirs) if number % 2 else (theirs, ours)
        taken = {read: _reading_time(read, clips) for read in order}
        times.append((taken[ours], taken[theirs]))
    times = times[1:]
    return {
        # Clips per second: theirs over ours, in seconds.
        **ratio([(theirs, ours) for ours, theirs in times]),
        "clips_per_second_ours": clips / median_of(times, 0),
        "clips_per_second_theirs": clips / median_of(times, 1),
    }


def _reading_time(read, clips: int) -> float:
    """CPU time of the clips of a round: what a core needs for them."""
    started = time.thread_time()
    for index in range(clips):
        read(index)
    return time.thread_time() - started
