"""A run survives that a call which changes its files is the last, or fails."""

import errno

import pytest

from tests.faults import calls, workshop

pytestmark = pytest.mark.skipif(
    workshop.COMPILER is None, reason="needs a C compiler, on Linux"
)


@pytest.fixture(scope="module")
def breaker(tmp_path_factory):
    with calls.Breaker(tmp_path_factory.mktemp("faults")) as breaker:
        yield breaker


def test_calls_of_all_parts_of_a_run_are_seen(breaker):
    names = {name for name, _ in breaker.calls}
    parts = {calls.part(path) for _, path in breaker.calls}

    assert names >= {"open", "write", "fsync", "rename", "unlinkat", "mkdir"}
    assert parts >= {"checkpoint", "export", "log line", "report", "pictures"}
    assert (
        sum(
            path.startswith("checkpoints/.writing_")
            for name, path in breaker.calls
            if name == "rename"
        )
        == 3
    )


def test_a_broken_run_loses_nothing_and_is_resumed_bit_for_bit(breaker):
    # `python tests/faults/run.py` has all of them.
    results = list(breaker.problems(breaker.sample()))

    assert {fault.kind for fault, _ in results} == set(calls.KINDS)
    assert [f"{fault}: {found}" for fault, found in results if found] == []


def test_what_is_wrong_with_a_run_is_seen(breaker, tmp_path):
    """Breaks the harness: it must not find everything right."""
    fault = calls.Fault(0, "disk full", "write", "checkpoints/x")
    crash = workshop.Outcome(-11, "Traceback\nValueError: x", [])

    found = calls.judge(fault, crash, tmp_path)

    assert len(found) == 2
    assert calls.KINDS["disk full"][1] == errno.ENOSPC
