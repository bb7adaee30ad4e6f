"""NumPy's linear algebra in one thread, beside those of a training step."""

import contextlib
import functools
import threading

import threadpoolctl

_lock = threading.Lock()


@contextlib.contextmanager
def single_thread():
    """Context in which NumPy's linear algebra has one thread.

    More would wait for the threads of the training step, ten times as long as
    the computation takes. One caller at a time: the number is the process's,
    and of two callers the second would restore what the first has set.

    Example:

    >>> with single_thread():
    ...     pass
    """
    with _lock, _controller().limit(limits=1, user_api="blas"):
        yield


@functools.cache
def _controller():
    return threadpoolctl.ThreadpoolController()
