"""Freeze each layer when it has converged."""

import numbers

from layerlock.core.freezing.schedules.base import FreezeSchedule, positive_int
from layerlock.core.freezing.schedules.piecewise import PiecewiseFreezeSchedule

# Maximum change still treated as converged, for each signal: relative change of
# a weight norm per optimizer step; change of 1 - CKA between measurements.
THRESHOLDS = {"weights": 5e-5, "features": 0.02}


class ConvergedFreezeSchedule(FreezeSchedule):
    """Freezes the next layer when it has stopped changing.

    The schedule begins without events and is adaptive: `FreezeWhenConverged`
    passes it the change of each layer. It adds an event when the change of the
    lowest trained layer stayed below `threshold` for `window` measurements in
    a row. `to_piecewise` returns a schedule with the same events.

    Reference: LayerLock (arXiv 2509.10156) starts to freeze when the norms of
    the first layers' weights flatten, by eye. The rule is ours.

    Args:
        signal: the quantity that must converge. `"features"`: linear CKA of
            the layer's features on fixed clips; they converge in the order of
            depth, and `LayerDrift` measures them. `"weights"`: the norm of the
            layer's weights, as in the paper; noisier, and measured by
            `Monitors`. Defaults to `"features"`.
        threshold: float, maximum change still treated as converged: relative
            change of the norm per optimizer step, or change of 1 - CKA
            between two measurements. Defaults to `None`: 0.02 for features,
            5e-5 for weights.
        window: int, measurements in a row below the threshold. Defaults to
            `3`.
        start_step: int, in optimizer steps. Nothing freezes before, since
            changes during the warm-up are not informative. Defaults to `100`.
        max_frozen_layers: int, maximum number of frozen layers. Defaults to
            `32`.
        events: pairs `(step, frozen_layers)` so far. Defaults to none.

    Example:

    >>> schedule = ConvergedFreezeSchedule(threshold=0.1, window=2)
    >>> changes = [(200, [0.1, 0.5]), (300, [0.0, 0.3]), (400, [0.0, 0.1])]
    >>> [schedule.observe(step, drifts) for step, drifts in changes]
    [False, True, False]
    >>> schedule.to_piecewise()
    PiecewiseFreezeSchedule(events=[[300, 1]])
    """

    is_adaptive = True

    def __init__(
        self,
        signal: str = "features",
        threshold: float | None = None,
        window: int = 3,
        start_step: int = 100,
        max_frozen_layers: int = 32,
        events=(),
    ):
        if signal not in tuple(THRESHOLDS):
            raise ValueError(
                f"`signal` must be one of {list(THRESHOLDS)}. "
                f"Received: signal={signal!r}."
            )
        if threshold is not None and not _is_positive(threshold):
            raise ValueError(
                "`threshold`, the maximum change still treated as converged, "
                f"must be a positive number. Received: threshold={threshold!r}."
            )
        self.signal = signal
        self.threshold = threshold
        self.window = positive_int(
            "window", window, "measurements", "One is enough for a test."
        )
        self.start_step = positive_int(
            "start_step",
            start_step,
            "optimizer steps",
            "Nothing can be frozen at step 0.",
        )
        self.max_frozen_layers = positive_int(
            "max_frozen_layers",
            max_frozen_layers,
            "layers",
            "To freeze nothing, use `NeverFreezeSchedule()`.",
        )
        self._found = PiecewiseFreezeSchedule(events)
        self._num_below = []  # measurements in a row below, for each layer

    def frozen_layers(self, step):
        return self._found.frozen_layers(step)

    def max_layers(self, last_step=None):
        return self.max_frozen_layers

    def observe(self, step: int, drifts: list[float]) -> bool:
        """Processes one measurement; returns whether it added an event.

        Args:
            step: int, optimizer updates done.
            drifts: list with the change of each layer, bottom first.
        """
        threshold = self.threshold or THRESHOLDS[self.signal]
        before = self._num_below or [0] * len(drifts)
        self._num_below = [
            count + 1 if drift <= threshold else 0
            for count, drift in zip(before, drifts, strict=True)
        ]
        frozen = self.frozen_layers(step)
        if (
            step < self.start_step
            or frozen >= min(self.max_frozen_layers, len(drifts))
            or self._num_below[frozen] < self.window
        ):
            return False
        events = self._found.get_config()["events"]
        self._found = PiecewiseFreezeSchedule([*events, (step, frozen + 1)])
        return True

    def to_piecewise(self) -> PiecewiseFreezeSchedule:
        """Returns a piecewise schedule with the same events."""
        return self._found

    def get_state(self) -> dict:
        """Returns the state for a checkpoint."""
        return {**self._found.get_config(), "quiet": self._num_below}

    def set_state(self, state: dict):
        """Restores the state that `get_state` returned."""
        self._found = PiecewiseFreezeSchedule(state["events"])
        # The key of existing checkpoints.
        self._num_below = list(state["quiet"])

    def get_config(self):
        return {
            "signal": self.signal,
            "threshold": self.threshold,
            "window": self.window,
            "start_step": self.start_step,
            "max_frozen_layers": self.max_frozen_layers,
            **self._found.get_config(),
        }


def _is_positive(value) -> bool:
    return isinstance(value, numbers.Real) and value > 0
