"""Notices that the system asks a run to end, so that it can save first."""

import signal
import sys
import threading

INTERRUPTED = 130  # exit status after Ctrl-C, as shells count

# What ends a job: a queue and `kill`, a queue shortly before the time is up,
# and a terminal that is closed. Not all systems have all.
NAMES = ("SIGTERM", "SIGUSR1", "SIGHUP")
# One of several processes must not end alone in the middle of a step.
NAMES_TOGETHER = (*NAMES, "SIGINT")


class Interruption:
    """Listens to signals while it is entered; they no longer end the process.

    A signal that someone else handles or ignores (`nohup`) is left alone, and
    so are all of them outside of the main thread, where Python allows no
    handlers. Ctrl-C raises `KeyboardInterrupt` as always, and is remembered,
    unless it is one of `names`. Where Python forgets that exception (see
    `raise_lost`), it is not printed either.

    Args:
        names: of the signals. Defaults to `NAMES`.

    Attributes:
        signal: the first `signal.Signals` that came, or `None`.
        was_interrupted: bool, whether Ctrl-C was pressed.

    Example:

    >>> with Interruption() as interruption:
    ...     signal.raise_signal(signal.SIGTERM)
    ...     interruption.signal.name
    'SIGTERM'
    """

    def __init__(self, names=NAMES):
        self.names = names
        self.signal = None
        self.was_interrupted = False
        self._before = {}
        self._hook = None

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            for name in self.names:
                self._handle(getattr(signal, name, None), self._notice)
            if "SIGINT" not in self.names:
                self._handle(signal.SIGINT, self._interrupt)
                self._hook = sys.unraisablehook
                sys.unraisablehook = self._print
        return self

    def __exit__(self, *error):
        if self._hook is not None:
            sys.unraisablehook = self._hook
            self._hook = None
        for number, before in self._before.items():
            signal.signal(number, before)
        self._before = {}

    def _handle(self, number, handler):
        before = number and signal.getsignal(number)
        if before in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, handler)
            self._before[number] = before

    def raise_lost(self):
        """Raises `KeyboardInterrupt` if Ctrl-C was pressed.

        Python prints and forgets an exception that is raised where no caller
        is: in a destructor, or in a callback of C code, such as the one that
        JAX adds to the garbage collector.
        """
        if self.was_interrupted:
            raise KeyboardInterrupt

    def _interrupt(self, number, frame):
        self.was_interrupted = True
        signal.default_int_handler(number, frame)

    def _print(self, unraisable):
        remembered = self.was_interrupted
        if not (remembered and unraisable.exc_type is KeyboardInterrupt):
            self._hook(unraisable)

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
