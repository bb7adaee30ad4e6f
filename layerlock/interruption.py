"""Notices that the system asks a run to end, so that it can save first."""

import signal
import threading

# What ends a job: a queue and `kill`, a queue shortly before the time is up,
# and a terminal that is closed. Not all systems have all.
NAMES = ("SIGTERM", "SIGUSR1", "SIGHUP")


class Interruption:
    """Listens to signals while it is entered; they no longer end the process.

    A signal that someone else handles or ignores (`nohup`) is left alone, and
    so are all of them outside of the main thread, where Python allows no
    handlers.

    Attributes:
        signal: the first `signal.Signals` that came, or `None`.

    Example:

    >>> with Interruption() as interruption:
    ...     signal.raise_signal(signal.SIGTERM)
    ...     interruption.signal.name
    'SIGTERM'
    """

    def __init__(self):
        self.signal = None
        self._handled = []

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            for name in NAMES:
                number = getattr(signal, name, None)
                if number and signal.getsignal(number) is signal.SIG_DFL:
                    signal.signal(number, self._notice)
                    self._handled.append(number)
        return self

    def __exit__(self, *error):
        for number in self._handled:
            signal.signal(number, signal.SIG_DFL)
        self._handled = []

    def _notice(self, number, frame):
        if self.signal is None:
            self.signal = signal.Signals(number)


def ignore_all():
    """Has this process ignore what its parent handles.

    Queues and terminals send a signal to all processes of a job.
    """
    for name in NAMES:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
