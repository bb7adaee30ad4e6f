"""Signals that ask a process to end are noticed, and nobody's are taken."""

import contextlib
import gc
import signal
import sys
import threading

import pytest

from layerlock import interruption
from layerlock.interruption import Interruption

pytestmark = pytest.mark.skipif(
    not hasattr(signal, "SIGUSR1"), reason="Windows has few signals"
)


def test_the_first_signal_is_told():
    with Interruption() as listening:
        assert listening.signal is None
        signal.raise_signal(signal.SIGUSR1)
        signal.raise_signal(signal.SIGTERM)

    assert listening.signal is signal.SIGUSR1


def test_afterwards_signals_end_the_process_again():
    with Interruption():
        assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL

    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@pytest.mark.parametrize("handler", [signal.SIG_IGN, lambda *_: None])
def test_the_handler_of_someone_else_stays(handler):
    before = signal.signal(signal.SIGHUP, handler)
    try:
        with Interruption() as listening:
            signal.raise_signal(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is handler
    finally:
        signal.signal(signal.SIGHUP, before)

    assert listening.signal is None


@pytest.fixture
def ctrl_c():
    """The handler of a terminal; a shell's background jobs have none."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_interrupt_that_a_callback_swallows_is_not_lost(ctrl_c):
    with Interruption() as listening:
        listening.raise_lost()  # nothing happened yet
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            listening.raise_lost()

    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


class Collected:
    """Is interrupted while it is destroyed."""

    def __del__(self):
        signal.raise_signal(signal.SIGINT)


def of_a_destructor():
    Collected()


def of_the_garbage_collector():
    def callback(phase, info):
        gc.callbacks.remove(callback)
        signal.raise_signal(signal.SIGINT)

    gc.callbacks.append(callback)
    gc.collect()


@pytest.mark.parametrize("swallow", [of_a_destructor, of_the_garbage_collector])
def test_an_interrupt_that_python_forgets_is_raised_and_not_printed(
    swallow, ctrl_c, monkeypatch
):
    printed = []
    monkeypatch.setattr(sys, "unraisablehook", printed.append)
    with Interruption() as listening:
        swallow()
        assert listening.was_interrupted
        with pytest.raises(KeyboardInterrupt):
            listening.raise_lost()

    assert printed == []
    swallow()  # nobody remembers it any more
    assert [lost.exc_type for lost in printed] == [KeyboardInterrupt]


def test_other_errors_that_python_forgets_are_printed(ctrl_c, monkeypatch):
    class Broken:
        def __del__(self):
            raise ValueError("broken")

    printed = []
    # An object of the hook must not be kept.
    hook = lambda lost: printed.append(lost.exc_type)  # noqa: E731
    monkeypatch.setattr(sys, "unraisablehook", hook)
    with Interruption():
        Broken()

    assert printed == [ValueError]
    assert sys.unraisablehook is hook


def test_a_thread_that_may_not_listen_does_not():
    heard = []

    def work():
        with Interruption() as listening:
            heard.append(listening.signal)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert heard == [None]


def test_a_worker_ignores_what_its_parent_handles():
    before = {name: signal.getsignal(getattr(signal, name)) for name in NAMES}
    try:
        interruption.ignore_all()
        for name in NAMES:
            signal.raise_signal(getattr(signal, name))  # ends nothing
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)


NAMES = interruption.NAMES
