"""The time of training, with a clock that runs only when told to."""

import types

import pytest

from layerlock.runs import stopwatch


class Clock:
    """Stands in for `time`."""

    now = 100.0

    def perf_counter(self):
        return self.now


class Batches:
    """Drives a `Stopwatch` by hand."""

    def __init__(self, clock):
        self.clock = clock
        self.lock = types.SimpleNamespace(events=[], seconds=0.0)
        self.watch = stopwatch.Stopwatch(self.lock)
        self.watch.on_train_begin()
        self.batch = -1

    def train(self, *durations, together=1):
        for duration in durations:
            self.watch.on_train_batch_begin(self.batch + 1)
            self.batch += together
            self.clock.now += duration
            self.watch.on_train_batch_end(self.batch)
            self.lock.seconds = 0.0
        return self

    def freeze(self, seconds=0.0):
        """What `LayerLock` does after a batch."""
        self.lock.events.append((self.batch, 1))
        self.lock.seconds = seconds
        return self.wait(seconds)

    def wait(self, seconds):
        """What other callbacks do between two batches."""
        self.clock.now += seconds
        return self


@pytest.fixture
def batches(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(stopwatch, "time", clock)
    return Batches(clock)


def test_what_lies_between_batches_is_not_training(batches):
    batches.train(1, 1, 1).wait(50).train(1, 1, 1)

    assert batches.watch.seconds == 6.0
    assert batches.watch.take_lap() == (1.0, 0.0)


def test_the_pace_leaves_out_compilation_and_stalls(batches):
    batches.train(30, 2, 2).freeze(3).train(9, 2)

    pace, stall = batches.watch.take_lap()

    assert pace == 0.5
    assert stall == 3 + (9 - 2)
    assert batches.watch.seconds == 30 + 2 + 2 + 3 + 9 + 2


def test_a_freeze_after_a_lap_knows_what_is_usual(batches):
    batches.train(30, 2, 2)
    batches.watch.take_lap()

    batches.freeze().wait(50).train(9)

    assert batches.watch.take_lap() == (None, 7.0)


def test_two_freezes_in_a_lap_add_up(batches):
    batches.train(30, 1).freeze().train(4, 1).freeze().train(8, 1)

    assert batches.watch.take_lap()[1] == 3.0 + 7.0


def test_a_lap_without_a_usual_batch_has_no_pace(batches):
    assert batches.train(30).watch.take_lap() == (None, 0.0)


def test_batches_that_run_together_are_counted_each(batches):
    batches.train(30, 2, 2, together=4).freeze().train(6, together=4)

    assert batches.watch.take_lap() == (2.0, 4.0)


def test_it_goes_on_where_another_stopped(batches):
    state = batches.train(1, 1).watch.get_state()
    batches.watch.on_train_begin()
    batches.watch.set_state(state)

    assert batches.train(2).watch.seconds == 4.0
