"""The contract of a freeze schedule."""

import abc
import bisect
import operator

LAST_STEP = 2**31 - 1  # optimizers count their steps in int32


class FreezeSchedule(abc.ABC):
    """How many layers are frozen at each optimizer step.

    A schedule is a pure function: it has no state, never thaws a layer, and
    freezes nothing at step 0. Steps count the optimizer updates that are
    done so far. The one exception is a schedule with `is_adaptive = True`: it
    gets further events during the run, never in the past.

    A subclass implements `frozen_layers` and `get_config`, can be built with
    no arguments, and imports the standard library only.

    Example:

    >>> from layerlock.core.freezing.schedules import PiecewiseFreezeSchedule
    >>> schedule = PiecewiseFreezeSchedule([(100, 1), (300, 4)])
    >>> schedule.frozen_layers(299)
    1
    >>> schedule.next_event(100, last_step=1000)
    300
    >>> schedule.events(last_step=1000)
    [(100, 1), (300, 4)]
    >>> schedule.max_layers(last_step=200)
    1
    """

    is_adaptive = False

    @abc.abstractmethod
    def frozen_layers(self, step: int) -> int:
        """Returns the number of frozen layers after `step` updates."""

    @abc.abstractmethod
    def get_config(self) -> dict:
        """Returns the constructor's arguments, as JSON-ready values."""

    @classmethod
    def from_config(cls, config: dict) -> "FreezeSchedule":
        """Builds the schedule that `get_config` described."""
        return cls(**config)

    def next_event(self, step: int, last_step: int = LAST_STEP) -> int | None:
        """Returns the first step in `(step, last_step]` that freezes more.

        `None` if no further layer freezes up to `last_step`.
        """
        later = range(step + 1, last_step + 1)
        index = bisect.bisect_right(
            later, self.frozen_layers(step), key=self.frozen_layers
        )
        return later[index] if index < len(later) else None

    def events(self, last_step: int) -> list[tuple[int, int]]:
        """Returns every `(step, frozen_layers)` up to `last_step`."""
        events = []
        step = self.next_event(0, last_step)
        while step is not None:
            events.append((step, self.frozen_layers(step)))
            step = self.next_event(step, last_step)
        return events

    def max_layers(self, last_step: int = LAST_STEP) -> int:
        """Returns the number of layers frozen at the end of the run."""
        return self.frozen_layers(last_step)

    def __eq__(self, other):
        return type(self) is type(other) and (
            self.get_config() == other.get_config()
        )

    def __hash__(self):
        return hash(repr(self))

    def __repr__(self):
        arguments = ", ".join(
            f"{name}={value!r}" for name, value in self.get_config().items()
        )
        return f"{type(self).__name__}({arguments})"


def positive_int(name: str, value, unit: str, remedy: str) -> int:
    """Returns `value` as an int; raises unless it is at least 1.

    Args:
        name: Name of the argument, for the message.
        value: What the user passed.
        unit: What the number counts, for the message.
        remedy: How to fix it, a sentence for the message.
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool) or number < 1:
        raise ValueError(
            f"`{name}` must be a whole number of {unit}, at least 1. "
            f"Received: {name}={value!r}. {remedy}"
        )
    return number
