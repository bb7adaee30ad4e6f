"""Times training, apart from what is done between its batches."""

import collections
import statistics
import time

import keras

_RECENT = 20  # batches that say what is usual


class Stopwatch(keras.callbacks.Callback):
    """Times each call of the training step, its data included.

    What callbacks do, such as saving and comparing layers, does not count.
    What a freeze costs does: itself, and how much longer than usual the next
    batch takes, since it compiles a new step.

    Place it first.

    Args:
        lock: the `LayerLock` callback of the run.

    Attributes:
        seconds: float, of training, of earlier processes too.
    """

    def __init__(self, lock):
        super().__init__()
        self.lock = lock
        self.seconds = 0.0
        self._start_lap()

    def get_state(self) -> dict:
        """What a checkpoint must hold."""
        return {"seconds": self.seconds}

    def set_state(self, state: dict):
        """Goes on from what `get_state` returned."""
        self.seconds = state["seconds"]

    def on_train_begin(self, logs=None):
        self.num_events = len(self.lock.events)
        self.recent = collections.deque(maxlen=_RECENT)
        self.compiled = False  # the first batch compiles: not a usual one
        self._start_lap()

    def on_train_batch_begin(self, batch, logs=None):
        self.first = batch
        self.began = time.perf_counter()

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
        self.compiled = True
        self.seconds += duration

    def take_lap(self) -> tuple[float | None, float]:
        """Returns batches per second and stalled seconds since the last lap.

        Batches per second leave out those that compiled; they are `None`
        where no other was trained on.
        """
        pace = None
        if self.usual_seconds:
            pace = self.usual_batches / self.usual_seconds
        stall = self.stall
        self._start_lap()
        return pace, stall

    def _start_lap(self):
        self.usual_batches = 0
        self.usual_seconds = 0.0
        self.stall = 0.0
