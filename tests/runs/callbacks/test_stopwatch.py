"""The time of training, with a clock that runs only when told to."""

import types

import pytest

from layerlock.runs.callbacks import stopwatch


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
        self.data_seconds = 0.0
        self.clips = self.watch.timed(self.read())

    def read(self):
        """Batches without end."""
        while True:
            self.clock.now += self.data_seconds
            yield "clips"

    def train(self, *durations, together=1, fetch_first=False):
        for duration in durations:
            if fetch_first:
                next(self.clips)
            self.watch.on_train_batch_begin(self.batch + 1)
            self.batch += together
            if self.data_seconds and not fetch_first:
                next(self.clips)
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
    assert batches.watch.take_lap()[:2] == (1.0, 0.0)


def test_the_pace_leaves_out_compilation_and_stalls(batches):
    batches.train(30, 2, 2).freeze(3).train(9, 2)

    pace, stall, _ = batches.watch.take_lap()

    assert pace == 0.5
    assert stall == 3 + (9 - 2)
    assert batches.watch.seconds == 30 + 2 + 2 + 3 + 9 + 2


def test_a_freeze_after_a_lap_knows_what_is_usual(batches):
    batches.train(30, 2, 2)
    batches.watch.take_lap()

    batches.freeze().wait(50).train(9)

    assert batches.watch.take_lap()[:2] == (None, 7.0)


def test_two_freezes_in_a_lap_add_up(batches):
    batches.train(30, 1).freeze().train(4, 1).freeze().train(8, 1)

    assert batches.watch.take_lap()[1] == 3.0 + 7.0


def test_a_lap_without_a_usual_batch_has_no_pace(batches):
    assert batches.train(30).watch.take_lap() == (None, 0.0, None)


def test_batches_that_run_together_are_counted_each(batches):
    batches.train(30, 2, 2, together=4).freeze().train(6, together=4)

    assert batches.watch.take_lap()[:2] == (2.0, 4.0)


def test_it_goes_on_where_another_stopped(batches):
    state = batches.train(1, 1).watch.get_state()
    batches.watch.on_train_begin()
    batches.watch.set_state(state)

    assert batches.train(2).watch.seconds == 4.0


@pytest.mark.parametrize("fetch_first", [True, False])
def test_waiting_is_training_whenever_a_backend_fetches(batches, fetch_first):
    batches.data_seconds = 0.5
    batches.train(29.5, 1.5, 1.5, fetch_first=fetch_first)

    # The first batch compiles.
    assert batches.watch.take_lap() == (0.5, 0.0, 0.25)
    assert batches.watch.seconds == 30 + 2 + 2


def test_every_lap_has_its_own_share(batches):
    batches.data_seconds = 3.0
    batches.train(30, 1.0).watch.take_lap()
    batches.data_seconds = 1.0
    batches.train(1.0)

    assert batches.watch.take_lap().waiting == 0.5


def test_what_is_fetched_by_another_thread_is_not_called_waiting(batches):
    batches.data_seconds = 0.5
    batches.watch.thread = None

    assert batches.train(30, 1.5).watch.take_lap().waiting is None


def test_the_batches_are_the_same_and_are_closed(batches):
    closed = []

    def numbers():
        try:
            yield from range(3)
        finally:
            closed.append(True)

    assert list(batches.watch.timed(numbers())) == [0, 1, 2]
    assert closed == [True]

    stream = batches.watch.timed(numbers())
    next(stream)
    stream.close()
    assert closed == [True, True]


class Reader:
    """Stands in for a callback that reads every `every` batches."""

    def __init__(self, every):
        self.every = every

    def may_act(self, batch):
        return (batch + 1) % self.every == 0


def test_between_the_steps_of_readers_nothing_is_waited_for(batches):
    waits = []
    end_span = batches.watch._end_span
    batches.watch._end_span = lambda: waits.append(batches.batch) or end_span()
    batches.watch.readers = [Reader(4), Reader(6)]

    batches.train(*[1] * 9)
    batches.freeze().train(*[1] * 3)

    # The first batch of a stage compiles.
    assert waits == [0, 3, 5, 7, 9, 11]
    assert batches.watch.seconds == 12
    assert batches.watch.take_lap()[:2] == (1.0, 0.0)


def test_a_state_holds_the_batches_that_are_not_waited_for(batches):
    batches.watch.readers = [Reader(10)]
    batches.train(1, 1, 1).watch.get_state()
    batches.train(1, 1)

    assert batches.watch.get_state() == {"seconds": 5.0}
    assert batches.watch.seconds == 5.0


@pytest.mark.parametrize(
    ("waits", "expected"),
    [
        ([(2.0, True, True)], 2.0),  # for the first batch of a span
        ([(2.0, False, True)], 1.5),  # a step of half a second ran meanwhile
        ([(0.25, False, True), (9.0, False, False)], 0.0),  # still running
    ],
)
def test_a_wait_counts_while_the_device_is_idle(waits, expected):
    assert stopwatch._idle_seconds(waits, step_seconds=0.5) == expected
