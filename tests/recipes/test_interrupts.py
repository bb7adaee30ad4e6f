"""Ctrl-C at any moment of a run on JAX, which compiles in the background."""

import signal
import subprocess
import time

import keras
import pytest

from layerlock.interruption import INTERRUPTED
from tests.recipes import running

pytestmark = [
    pytest.mark.slow,
    pytest.mark.thorough,
    pytest.mark.skipif(
        keras.backend.backend() != "jax", reason="only JAX compiles ahead"
    ),
]


@pytest.mark.parametrize(
    "steps, seconds",
    [(0, 9.0), (1, 0.0), (1, 2.0)],
    ids=["start", "first step", "later"],
)
def test_it_ends_without_an_abort(tmp_path, steps, seconds):
    flags = "--steps=100000 --batch_size=4 --log_every=1 --start_step=50000"
    process = subprocess.Popen(
        running.interruptible(
            running.command(tmp_path / "run", *flags.split())
        ),
        env=running.environment(
            JAX_ENABLE_COMPILATION_CACHE="false", XLA_FLAGS=""
        ),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        if steps:
            running.wait_for(process, tmp_path / "run", steps)
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=240)
    finally:
        process.kill()

    assert "FATAL" not in errors
    # With a sentence while it trains, by the signal before.
    assert process.returncode in (INTERRUPTED, -signal.SIGINT)
    assert ("interrupted" in errors) is (process.returncode == INTERRUPTED)
