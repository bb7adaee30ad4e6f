"""Measures the time of training, without callbacks."""

import collections
import contextlib
import statistics
import threading
import time
import typing

import keras

from layerlock import backends

_RECENT = 20  # measurements for the usual duration of a batch


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
    """Times the training steps, their data included.

    The device trains while Python goes on, so that only a wait for it tells
    how long batches took. It waits where one of `readers` may wait anyway, and
    after the first batch of a stage, which compiles.

    The time of callbacks, such as saving, does not count. The stall of a
    freeze counts: the freeze itself, and how much longer than usual the next
    batch takes, which compiles a new step.

    Place it first, and train on `timed(batches)`.

    Args:
        lock: the `LayerLock` callback of the run.

    Attributes:
        readers: list of callbacks with `may_act(batch)`: those that read from
            the device. Defaults to `None`: it waits after every batch.
        seconds: float, of training, including earlier processes.
        error: what `timed` raised, which TensorFlow wraps; `None` so far.
    """

    takes_tensors = True  # see `TensorLogs`

    def __init__(self, lock):
        super().__init__()
        self.lock = lock
        self.readers = None
        self.seconds = 0.0
        self.thread = None
        self.error = None
        self._start_lap()
        self._start_span()

    def get_state(self) -> dict:
        """Returns the state for a checkpoint."""
        self._end_span()
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
                was_idle = self._is_idle()
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
                    self.waits.append((waited, was_idle, self._is_idle()))
                yield batch

    def on_train_begin(self, logs=None):
        self.thread = threading.get_ident()
        self.num_events = len(self.lock.events)
        self.recent = collections.deque(maxlen=_RECENT)
        self.compiled = False  # the first batch compiles
        self._start_lap()
        self._start_span()

    def on_train_batch_begin(self, batch, logs=None):
        self.first = batch
        if self.began is None:
            # PyTorch fetches the batch before this call, JAX after it.
            waited = sum(seconds for seconds, *_ in self.waits)
            self.began = time.perf_counter() - waited

    def on_train_batch_end(self, batch, logs=None):
        self.batches += batch - self.first + 1
        self.loss = (logs or {}).get("batch_loss")
        compiles = not self.compiled or len(self.lock.events) > self.num_events
        if (
            compiles
            or self.readers is None
            or any(reader.may_act(batch) for reader in self.readers)
        ):
            self._end_span()

    def take_lap(self) -> Lap:
        """Returns the times since the last lap."""
        self._end_span()
        pace = waiting = None
        if self.usual_seconds:
            pace = self.usual_batches / self.usual_seconds
            if self.usual_waits is not None:
                waiting = self.usual_waits / self.usual_seconds
        lap = Lap(pace, self.stall, waiting)
        self._start_lap()
        return lap

    def _is_idle(self) -> bool:
        """Whether the device has nothing to do."""
        loss = self.loss
        return not keras.ops.is_tensor(loss) or backends.is_idle(loss)

    def _end_span(self):
        """Waits for the device, and counts the batches since the last wait."""
        if self.began is None:
            return
        lag = time.perf_counter()
        if keras.ops.is_tensor(self.loss):
            keras.ops.convert_to_numpy(self.loss)
        now = time.perf_counter()
        lag, duration = now - lag, now - self.began
        if len(self.lock.events) > self.num_events:
            self.num_events = len(self.lock.events)
            usual = statistics.median(self.recent) if self.recent else 0.0
            self.stall += max(duration - usual * self.batches, 0.0)
            self.stall += self.lock.seconds
            self.seconds += self.lock.seconds
        elif self.compiled:
            self.recent.append(duration / self.batches)
            self.usual_batches += self.batches
            self.usual_seconds += duration
            if self.waits:
                idle = _idle_seconds(self.waits, lag)
                self.usual_waits = (self.usual_waits or 0.0) + idle
        self.compiled = True
        self.seconds += duration
        self._start_span()

    def _start_span(self):
        self.began = None
        self.batches = 0
        self.loss = None  # of the latest batch, on the device
        self.waits = []  # seconds; was the device idle before, and after it

    def _start_lap(self):
        self.usual_batches = 0
        self.usual_seconds = 0.0
        self.usual_waits = None
        self.stall = 0.0


def _idle_seconds(waits, step_seconds) -> float:
    """Seconds that the device was idle while Python waited for clips.

    Args:
        waits: list of `(seconds, was idle before, was idle after)`.
        step_seconds: float, of the step that ran when a wait began. With an
            idle device, the wait for the last step of a span is that long.
    """
    return sum(
        seconds if before else max(seconds - step_seconds, 0.0)
        for seconds, before, after in waits
        if after
    )
