"""Freezes layers when they have converged."""

import keras

from layerlock import backends


class FreezeWhenConverged(keras.callbacks.Callback):
    """Passes measurements to a `ConvergedFreezeSchedule`.

    Place it after `Monitors` and `LayerDrift`, which measure how fast each
    layer changes, and before `LayerLock`, which then freezes at the same step.

    Args:
        schedule: a `ConvergedFreezeSchedule`.
        lock: the `LayerLock` callback with this schedule.
        monitors: the `Monitors` callback.
        drift: the `LayerDrift` callback. Defaults to `None`.

    Raises:
        ValueError: if no callback measures the schedule's signal.

    Example:

    >>> import layerlock, numpy as np
    >>> schedule = layerlock.ConvergedFreezeSchedule(max_frozen_layers=4)
    >>> lock = layerlock.LayerLock(schedule)
    >>> monitors = layerlock.Monitors(every=20)
    >>> clips = np.zeros((2, 8, 32, 32, 3), "uint8")
    >>> drift = layerlock.LayerDrift(every=50, clips=clips)
    >>> watch = FreezeWhenConverged(schedule, lock, monitors, drift)
    >>> callbacks = [monitors, drift, watch, lock]  # in this order, for fit
    >>> watch.source is drift
    True
    """

    takes_tensors = True  # see `TensorLogs`

    def __init__(self, schedule, lock, monitors, drift=None):
        super().__init__()
        self.schedule = schedule
        self.lock = lock
        self.source = monitors if schedule.signal == "weights" else drift
        if self.source is None:
            raise ValueError(
                f"The signal {schedule.signal!r} is measured by `LayerDrift`. "
                "Pass the callback as `drift`."
            )
        self.seen = None  # the step of the newest measurement passed on

    def get_state(self) -> dict:
        """Returns the state for a checkpoint."""
        return {"seen": self.seen, "schedule": self.schedule.get_state()}

    def set_state(self, state: dict):
        """Restores the state that `get_state` returned."""
        self.seen = state["seen"]
        self.schedule.set_state(state["schedule"])

    def on_train_batch_end(self, batch, logs=None):
        step, drifts = self.source.step, self.source.drifts
        if step == self.seen or drifts is None:
            return
        self.seen = step
        # Machines that differ round differently, and a threshold decides.
        drifts = backends.broadcast(drifts)
        layers = len(self.lock.scheduler.layers)
        if self.schedule.observe(step, drifts[:layers]):
            self.lock.replan()
