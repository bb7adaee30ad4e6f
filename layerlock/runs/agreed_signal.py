"""The signal that ends all processes of a run at the same batch."""

import signal
import time

from layerlock import backends

# Seconds between two questions to the other processes.
_LEAST, _MOST = 0.25, 1.0


class AgreedSignal:
    """Asks, every few batches, whether a signal came to any process.

    Asking takes a message to every process. All count the same batches
    between two questions: one at first, then twice as many as long as less
    than a quarter of a second has passed in any of them, and one again after
    more than a second.

    Args:
        interruption: an `Interruption` of this process. Its signal becomes
            that of all.
        clock: function that returns seconds. Defaults to `time.monotonic`.
    """

    def __init__(self, interruption, clock=time.monotonic):
        self.interruption = interruption
        self._clock = clock
        self._asked_at = clock()
        self._every = 1
        self._batches = 0
        self._has_come = False

    def has_come(self) -> bool:
        """Whether all know of a signal; every process calls it per batch."""
        if backends.process_count() == 1:
            return self.interruption.signal is not None
        self._batches += 1
        if not self._has_come and self._batches >= self._every:
            self._has_come = self._ask()
            self._plan()
        return self._has_come

    def _ask(self) -> bool:
        own = self.interruption.signal
        if not backends.agree(own is not None):
            return False
        for name in self.interruption.names:
            number = getattr(signal, name, None)
            if number and backends.agree(own == number):
                self.interruption.signal = number
                return True
        return False

    def _plan(self):
        now = self._clock()
        seconds, self._asked_at, self._batches = now - self._asked_at, now, 0
        if backends.agree(seconds < _LEAST):
            self._every *= 2
        elif self._every > 1 and backends.agree(seconds > _MOST):
            self._every = 1
