"""Freeze layers at explicit steps."""

import bisect

from layerlock.core.freezing.schedules.base import FreezeSchedule, positive_int


class PiecewiseFreezeSchedule(FreezeSchedule):
    """Freezes layers at the steps of a list.

    Args:
        events: Pairs `(step, frozen_layers)`: from optimizer step `step` on,
            the first `frozen_layers` layers are frozen. Both grow from pair
            to pair. An empty list freezes nothing. Defaults to
            `((160_000, 1),)`, the paper's first event.

    Example:

    >>> schedule = PiecewiseFreezeSchedule([(100, 1), (150, 4)])
    >>> [schedule.frozen_layers(step) for step in (99, 100, 149, 150)]
    [0, 1, 1, 4]
    """

    def __init__(self, events=((160_000, 1),)):
        self._steps, self._layers = [], []
        for step, layers in _pairs(events):
            step = positive_int(
                "step",
                step,
                "optimizer steps",
                "Nothing can be frozen at step 0: "
                "set `trainable = False` on such layers yourself.",
            )
            layers = positive_int(
                "frozen_layers",
                layers,
                "layers",
                "Leave events that freeze nothing out.",
            )
            if self._steps and (
                step <= self._steps[-1] or layers <= self._layers[-1]
            ):
                raise ValueError(
                    "Both numbers must grow from one event to the next: "
                    "layers never thaw. "
                    f"Received: {(step, layers)} after "
                    f"{(self._steps[-1], self._layers[-1])} "
                    f"in events={events!r}. "
                    "Sort the events and drop those that change nothing."
                )
            self._steps.append(step)
            self._layers.append(layers)

    def frozen_layers(self, step):
        num_events = bisect.bisect_right(self._steps, step)
        return self._layers[num_events - 1] if num_events else 0

    def get_config(self):
        pairs = zip(self._steps, self._layers, strict=True)
        return {"events": [list(pair) for pair in pairs]}


def _pairs(events):
    try:
        return [(step, layers) for step, layers in events]
    except (TypeError, ValueError):
        raise ValueError(
            "`events` must be a list of pairs `(step, frozen_layers)`, "
            "for instance [(160_000, 1), (170_000, 2)]. "
            f"Received: events={events!r}."
        ) from None
