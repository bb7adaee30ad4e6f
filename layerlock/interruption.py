"""Notices that the system asks a run to end, so that it can save first."""

import signal
import threading

# What ends a job: a queue and `kill`, a queue shortly before the time is up,
# and a terminal that is closed. Not all systems have all.
NAMES = ("SIGTERM", "SIGUSR1", "SIGHUP")
# One of several processes must not end alone in the middle of a step.
NAMES_TOGETHER = (*NAMES, "SIGINT")


class Interruption:
    """Listens to signals while it is entered; they no longer end the process.

    A signal that someone else handles or ignores (`nohup`) is left alone, and
    so are all of them outside of the main thread, where Python allows no
    handlers.

    Args:
        names: of the signals. Defaults to `NAMES`.

    Attributes:
        signal: the first `signal.Signals` that came, or `None`.

    Example:

    >>> with Interruption() as interruption:
    ...     signal.raise_signal(signal.SIGTERM)
    ...     interruption.signal.name
    'SIGTERM'
    """

    def __init__(self, names=NAMES):
        self.names = names
        self.signal = None
        self._before = {}

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            for name in self.names:
                number = getattr(signal, name, None)
                before = number and signal.getsignal(number)
                if before in (signal.SIG_DFL, signal.default_int_handler):
                    signal.signal(number, self._notice)
                    self._before[number] = before
        return self

    def __exit__(self, *error):
        for number, before in self._before.items():
            signal.signal(number, before)
        self._before = {}

    def _notice(self, number, frame):
        if self.signal is None:
            self.signal = signal.Signals(number)
        if number == signal.SIGINT:  # a second Ctrl-C ends it at once
            signal.signal(number, signal.default_int_handler)


def ignore_all():
    """Has this process ignore what its parent handles.

    Queues and terminals send a signal to all processes of a job.
    """
    for name in NAMES:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
