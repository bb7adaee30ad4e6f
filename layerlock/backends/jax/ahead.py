"""Compiles a program in a background thread."""

import atexit
import contextlib
import contextvars
import os
import signal
import sys
import threading
import time
import warnings

from layerlock.backends.jax.settings import ThreadSettings

_PATIENCE = 1.0  # seconds of waiting at exit before it is announced
_INTERVAL = 0.2  # seconds between two looks at signals
_INTERRUPTED = 130  # exit status after Ctrl-C

_threads = set()  # that compile; the exit of the process waits for them
_is_exiting = threading.Event()


class Compilation:
    """Compiles a program in the background, under the caller's settings.

    The exit of the process waits for XLA: a thread inside of it cannot be
    stopped, and would abort the process.

    Args:
        lower: function without arguments that traces the program.
        compile: function of the result of `lower` that returns the program.
        structure: of the arguments of the program, see `structure_of`.
        config: `get_config` of the model at the stage of the program.
            Defaults to `None`.

    Attributes:
        program: the compiled program, or `None`.
        error: the exception if compilation failed, or `None`.
    """

    def __init__(self, lower, compile, structure, config=None):
        self.config = config
        self.program = None
        self.error = None
        self._structure = structure
        self._settings = ThreadSettings()
        context = contextvars.copy_context()
        # A daemon thread: `_finish` waits for it, and can say so.
        self._thread = threading.Thread(
            target=context.run,
            args=(self._run, lower, compile),
            name="layerlock-compile-ahead",
            daemon=True,
        )
        _threads.add(self._thread)
        self._thread.start()

    def wait(self):
        """Waits until the compilation has finished or failed."""
        self._thread.join()

    def take(self, structure):
        """Waits for the program; returns `None` if it does not fit.

        Args:
            structure: of the arguments.
        """
        if structure != self._structure or not self._settings.hold():
            return None
        self.wait()
        if self.error is not None:
            warnings.warn(
                "Compiling the next stage in the background failed; it is "
                f"compiled now. Reason: {self.error!r}",
                stacklevel=2,
            )
        return self.program

    def _run(self, lower, compile):
        try:
            with self._settings.applied():
                lowered = lower()
                if not _is_exiting.is_set():
                    self.program = compile(lowered)
        except Exception as error:  # the run continues and compiles later
            self.error = error
        finally:
            _threads.discard(threading.current_thread())


@atexit.register
def _finish():
    """Waits for all compilations before the interpreter is torn down."""
    _is_exiting.set()
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _exit)
    deadline = time.monotonic() + _PATIENCE
    for thread in list(_threads):
        while thread.is_alive():
            # A signal that comes just before a wait does not end it.
            thread.join(_INTERVAL)
            if deadline is not None and time.monotonic() > deadline:
                deadline = None
                print(
                    "Waiting for XLA, which compiles a program in the "
                    "background and cannot be interrupted. Press Ctrl-C to "
                    "exit at once.",
                    file=sys.stderr,
                    flush=True,
                )


def _exit(number, frame):
    """Exits where an exception might be lost, as in a garbage collector's."""
    with contextlib.suppress(Exception):  # a stream that is being written
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    os._exit(_INTERRUPTED)
