"""A process that is interrupted while a thread compiles."""

import os
import pathlib
import signal
import subprocess
import sys

import keras
import pytest

if keras.backend.backend() != "jax":
    pytest.skip("only JAX compiles ahead", allow_module_level=True)

PROGRAM = """
import signal
import time

import jax
import jax.numpy as jnp

from layerlock.backends.jax.ahead import Compilation


# It may be ignored by whoever runs the tests.
signal.signal(signal.SIGINT, signal.default_int_handler)


def long(x):  # to compile
    for i in range(120):
        x = jnp.sin(x @ x) + jnp.roll(x, i)
    return x


def lower():
    print("tracing", flush=True)
    return jax.jit(long).lower(jax.ShapeDtypeStruct((64, 64), "float32"))


def compile(lowered):
    print("compiling", flush=True)
    lowered.compile()
    print("compiled", flush=True)


Compilation(lower, compile, None)
# A signal that comes just before a sleep begins does not shorten it.
for _ in range(1200):
    time.sleep(0.05)
"""


def start():
    """Starts the program, with no cache of compiled programs."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(pathlib.Path(__file__).parents[3]),
        "JAX_ENABLE_COMPILATION_CACHE": "false",
        "XLA_FLAGS": "",
    }
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(process, line):
    assert line in iter(lambda: process.stdout.readline().strip(), "")


@pytest.mark.parametrize("moment", ["tracing", "compiling"])
def test_it_ends_as_any_interrupted_process(moment):
    with start() as process:
        wait_for(process, moment)
        process.send_signal(signal.SIGINT)
        printed, errors = process.communicate(timeout=120)

    assert process.returncode == -signal.SIGINT, errors
    assert errors.count("KeyboardInterrupt") == 1
    assert "FATAL" not in errors
    # What has not begun is left out; what has is waited for.
    assert ("compiled" in printed) is (moment == "compiling")


def test_a_second_interrupt_ends_it_at_once():
    with start() as process:
        wait_for(process, "compiling")
        process.send_signal(signal.SIGINT)
        for line in process.stderr:
            if "Waiting for XLA" in line:
                break
        process.send_signal(signal.SIGINT)
        printed, errors = process.communicate(timeout=120)

    assert process.returncode == 130, errors
    assert "compiled" not in printed
    assert "FATAL" not in errors
