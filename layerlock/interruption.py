"""Notices that the system asks a run to end, so that it can save first."""

import signal
import threading

INTERRUPTED = 130  # exit status after Ctrl-C, as shells count

# What ends a job: a queue and `kill`, a queue shortly before the time is up,
# and a terminal that is closed. Not all systems have all.
NAMES = ("SIGTERM", "SIGUSR1", "SIGHUP")


class Interruption:
    """Listens to signals while it is entered; they no longer end the process.

    A signal that someone else handles or ignores (`nohup`) is left alone, and
    so are all of them outside of the main thread, where Python allows no
    handlers. Ctrl-C raises `KeyboardInterrupt` as always, and is remembered.

    Attributes:
        signal: the first `signal.Signals` that came, or `None`.
        was_interrupted: bool, whether Ctrl-C was pressed.

    Example:

    >>> with Interruption() as interruption:
    ...     signal.raise_signal(signal.SIGTERM)
    ...     interruption.signal.name
    'SIGTERM'
    """

    def __init__(self):
        self.signal = None
        self.was_interrupted = False
        self._handled = []

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
                signal.signal(signal.SIGINT, self._interrupt)
            for name in NAMES:
                number = getattr(signal, name, None)
                if number and signal.getsignal(number) is signal.SIG_DFL:
                    signal.signal(number, self._notice)
                    self._handled.append(number)
        return self

    def __exit__(self, *error):
        if signal.getsignal(signal.SIGINT) == self._interrupt:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        for number in self._handled:
            signal.signal(number, signal.SIG_DFL)
        self._handled = []

    def raise_lost(self):
        """Raises `KeyboardInterrupt` if Ctrl-C was pressed.

        Python prints and forgets an exception that is raised in a callback of
        C code, such as the one that JAX adds to the garbage collector.
        """
        if self.was_interrupted:
            raise KeyboardInterrupt

    def _interrupt(self, number, frame):
        self.was_interrupted = True
        signal.default_int_handler(number, frame)

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
