"""What is written beside training is complete, in order, and may not fail."""

import threading

import pytest

from layerlock.runs.background import Background


def test_functions_run_beside_and_in_their_order():
    may_begin, done = threading.Event(), []
    beside = Background("test")

    beside.submit(may_begin.wait, 60)
    beside.submit(done.append, 1)
    beside.submit(done.append, 2)

    assert done == []
    may_begin.set()
    beside.wait()
    assert done == [1, 2]
    beside.wait()  # nothing is left


def test_the_first_error_is_raised_once_and_the_others_still_run():
    done = []
    beside = Background("test")

    beside.submit(int, "no number")
    beside.submit(done.append, 1)

    with pytest.raises(ValueError, match="no number"):
        beside.wait()
    assert done == [1]
    beside.wait()
