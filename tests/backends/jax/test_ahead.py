"""Programs that a thread compiles before they are needed."""

import threading

import keras
import numpy as np
import pytest

if keras.backend.backend() != "jax":
    pytest.skip("only JAX compiles ahead", allow_module_level=True)

import jax

from layerlock.backends.jax.ahead import Compilation


def start(lower=lambda: "traced", compile=lambda traced: f"{traced}, compiled"):
    return Compilation(lower, compile, "shapes")


def test_a_program_that_fits_is_handed_over():
    assert start().take("shapes") == "traced, compiled"


def test_a_program_for_other_shapes_is_not_handed_over():
    assert start().take("other shapes") is None


def test_nobody_waits_for_a_program_of_other_shapes():
    may_finish = threading.Event()
    compilation = start(lambda: may_finish.wait(10))

    compilation.take("other shapes")

    assert compilation.program is None
    may_finish.set()
    compilation.wait()


def test_take_waits_for_the_program():
    may_finish = threading.Event()
    compilation = start(lambda: may_finish.wait(10))
    assert compilation.program is None
    threading.Timer(0.05, may_finish.set).start()

    assert compilation.take("shapes") == "True, compiled"


def test_it_compiles_in_another_thread():
    threads = []

    def note(traced=None):
        threads.append(threading.current_thread())

    start(note, note).wait()

    assert len(set(threads)) == 1
    assert threads[0] is not threading.current_thread()


def test_a_failure_becomes_a_warning_with_its_reason():
    def fail(traced):
        raise RuntimeError("out of registers")

    compilation = start(compile=fail)

    with pytest.warns(UserWarning, match="out of registers"):
        assert compilation.take("shapes") is None
    assert isinstance(compilation.error, RuntimeError)


def test_both_parts_obey_the_settings_of_the_caller():
    def settings(traced=None):
        mine = jax.config.jax_default_matmul_precision, np.geterr()["over"]
        return [mine] if traced is None else [*traced, mine]

    with jax.default_matmul_precision("float32"), np.errstate(over="raise"):
        compilation = start(settings, settings)
        program = compilation.take("shapes")

    assert program == [("float32", "raise")] * 2


def test_a_program_of_other_settings_is_not_handed_over():
    with jax.default_matmul_precision("float32"):
        compilation = start()

    assert compilation.take("shapes") is None
