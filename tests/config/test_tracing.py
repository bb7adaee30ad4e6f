"""A run that is too short for its trace is refused, and no other one."""

import contextlib

import pytest

from layerlock import backends
from layerlock.config import OptionError, PretrainConfig
from layerlock.config.tracing import check_trace
from layerlock.runs.callbacks.trace import Trace

# Batches of an execution, and first and last batch of the trace.
TRACED = [
    (1, 10, 15),
    (3, 10, 15),
    (4, 13, 16),
    (10, 11, 20),
    (14, 15, 28),
    (15, 16, 30),
    (20, 21, 40),
]


@pytest.mark.parametrize(("together", "first", "last"), TRACED)
def test_a_run_needs_the_whole_executions_of_its_trace(together, first, last):
    check_trace("folder", last, together)
    check_trace(None, 1, together)
    with pytest.raises(OptionError, match=f"Received: {last - 1} b") as error:
        check_trace("folder", last - 1, together)

    assert f"batches {first} to {last}" in str(error.value)


@pytest.mark.parametrize(("together", "first", "last"), TRACED)
def test_these_are_the_executions_that_are_recorded(
    together, first, last, monkeypatch, tmp_path
):
    """The callback gets the first and the last batch of each execution."""
    recorded, ends = [], []

    @contextlib.contextmanager
    def tracing(folder):
        yield
        ends.append(batch + together)

    def named_step(number):
        recorded.append(number)
        return contextlib.nullcontext()

    monkeypatch.setattr(backends, "tracing", tracing)
    monkeypatch.setattr(backends, "named_step", named_step)
    trace = Trace(tmp_path, print_fn=lambda text: None)
    trace.on_train_begin()
    for batch in range(0, 60, together):
        trace.on_train_batch_begin(batch)
        trace.on_train_batch_end(batch + together - 1, {"loss": 1.0})

    assert (recorded[0], ends) == (first, [last])


@pytest.mark.parametrize("accumulation", [1, 2])
def test_a_run_of_one_execution_has_no_trace(accumulation):
    def resolve(steps):
        return PretrainConfig.of(
            steps=steps,
            steps_per_execution=20,
            accumulation=accumulation,
            trace="folder",
            schedule="never",
        ).resolve()

    with pytest.raises(OptionError, match="batches 21 to 40.*Received: 20 b"):
        resolve(20 // accumulation)
    assert resolve(40 // accumulation).run.trace == "folder"
