"""Programs that a thread compiles before they are needed."""

import threading

import keras
import pytest

if keras.backend.backend() != "jax":
    pytest.skip("only JAX compiles ahead", allow_module_level=True)

from layerlock.backends.jax.ahead import Compilation


def test_a_program_that_fits_is_handed_over():
    compilation = Compilation(lambda: ("program", "shapes"))

    assert compilation.take("shapes") == "program"


def test_a_program_for_other_shapes_is_not_handed_over():
    compilation = Compilation(lambda: ("program", "shapes"))

    assert compilation.take("other shapes") is None


def test_take_waits_for_the_program():
    may_finish = threading.Event()

    def compile():
        may_finish.wait(10)
        return "program", "shapes"

    compilation = Compilation(compile)
    assert compilation.program is None
    threading.Timer(0.05, may_finish.set).start()

    assert compilation.take("shapes") == "program"


def test_it_compiles_in_another_thread():
    threads = []

    def compile():
        threads.append(threading.current_thread())
        return "program", "shapes"

    Compilation(compile).wait()

    assert threads[0] is not threading.current_thread()


def test_a_failure_becomes_a_warning_with_its_reason():
    def compile():
        raise RuntimeError("out of registers")

    compilation = Compilation(compile)

    with pytest.warns(UserWarning, match="out of registers"):
        assert compilation.take(None) is None
    assert isinstance(compilation.error, RuntimeError)


@pytest.mark.parametrize("daemon", [True, False])
def test_only_a_daemon_is_left_behind_by_the_process(daemon):
    threads = []

    def compile():
        threads.append(threading.current_thread())
        return "program", "shapes"

    Compilation(compile, daemon=daemon).wait()

    assert threads[0].daemon is daemon
