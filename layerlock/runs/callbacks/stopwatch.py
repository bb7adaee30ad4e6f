"""Measures the time of training, without callbacks."""

import collections
import contextlib
import statistics
import threading
import time
import typing

import keras

_RECENT = 20  # batches for the usual duration


class Lap(typing.NamedTuple):
    """Times between two log lines.

    Attributes:
        pace: batches per second, without batches that compiled; `None` if
            every batch compiled.
        stall: float, seconds that freezes took.
        waiting: share of the time that training waited for clips; `None` if
            the training thread does not fetch them itself, as on
            TensorFlow.
    """

    pace: float | None
    stall: float
    waiting: float | None


class Stopwatch(keras.callbacks.Callback):
    """Times each call of the training step, its data included.

    The time of callbacks, such as saving, does not count. The stall of a
    freeze counts: the freeze itself, and how much longer than usual the next
    batch takes, which compiles a new step.

    Place it first, and train on `timed(batches)`.

    Args:
        lock: the `LayerLock` callback of the run.

    Attributes:
        seconds: float, of training, including earlier processes.
        error: what `timed` raised, which TensorFlow wraps; `None` so far.
    """

    def __init__(self, lock):
        super().__init__()
        self.lock = lock
        self.seconds = 0.0
        self.thread = None
        self.error = None
        self._start_lap()

    def get_state(self) -> dict:
        """Returns the state for a checkpoint."""
        return {"seconds": self.seconds}

    def set_state(self, state: dict):
        """Restores the state that `get_state` returned."""
        self.seconds = state["seconds"]

    def timed(self, batches):
        """Yields the same batches, and measures the wait for each.

        Args:
            batches: a generator, which is closed with the returned one.
        """
        with contextlib.closing(batches):
            while True:
                began = time.perf_counter()
                try:
                    batch = next(batches, None)
                except Exception as error:
                    self.error = error
                    raise
                if batch is None:
                    return
                if threading.get_ident() == self.thread:
                    waited = time.perf_counter() - began
                    self.waited = (self.waited or 0.0) + waited
                yield batch

    def on_train_begin(self, logs=None):
        self.thread = threading.get_ident()
        self.num_events = len(self.lock.events)
        self.recent = collections.deque(maxlen=_RECENT)
        self.waited = None  # seconds, for the current batch
        self.compiled = False  # the first batch compiles
        self._start_lap()

    def on_train_batch_begin(self, batch, logs=None):
        self.first = batch
        # PyTorch fetches the batch before this call, JAX after it.
        self.began = time.perf_counter() - (self.waited or 0.0)

    def on_train_batch_end(self, batch, logs=None):
        duration = time.perf_counter() - self.began
        batches = batch - self.first + 1
        if len(self.lock.events) > self.num_events:
            self.num_events = len(self.lock.events)
            usual = statistics.median(self.recent) if self.recent else 0.0
            self.stall += max(duration - usual * batches, 0.0)
            self.stall += self.lock.seconds
            self.seconds += self.lock.seconds
        elif self.compiled:
            self.recent.append(duration / batches)
            self.usual_batches += batches
            self.usual_seconds += duration
            if self.waited is not None:
                self.usual_waits = (self.usual_waits or 0.0) + self.waited
        self.compiled = True
        self.waited = None
        self.seconds += duration

    def take_lap(self) -> Lap:
        """Returns the times since the last lap."""
        pace = waiting = None
        if self.usual_seconds:
            pace = self.usual_batches / self.usual_seconds
            if self.usual_waits is not None:
                waiting = self.usual_waits / self.usual_seconds
        lap = Lap(pace, self.stall, waiting)
        self._start_lap()
        return lap

    def _start_lap(self):
        self.usual_batches = 0
        self.usual_seconds = 0.0
        self.usual_waits = None
        self.stall = 0.0
