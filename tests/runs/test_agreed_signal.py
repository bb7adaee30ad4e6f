"""A signal to one process stops all of them at the same batch."""

import signal
import threading

import pytest

from layerlock import backends
from layerlock.interruption import Interruption
from layerlock.runs.agreed_signal import AgreedSignal

NUM_PROCESSES = 3


class Threads:
    """Threads that stand for processes, and count how often they agree."""

    def __init__(self):
        self.own = threading.local()
        self.barrier = threading.Barrier(NUM_PROCESSES, timeout=10)
        self.flags = [False] * NUM_PROCESSES
        self.asked = 0

    def agree(self, flag):
        self.flags[self.own.index] = bool(flag)
        if self.barrier.wait() == 0:
            self.asked += 1
        answer = any(self.flags)
        self.barrier.wait()  # before a flag is changed
        return answer

    def run(self, function):
        results = [None] * NUM_PROCESSES

        def call(index):
            self.own.index = index
            results[index] = function(index)

        threads = [
            threading.Thread(target=call, args=(index,))
            for index in range(NUM_PROCESSES)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return results


@pytest.fixture
def together(monkeypatch):
    threads = Threads()
    monkeypatch.setattr(backends, "process_count", lambda: NUM_PROCESSES)
    monkeypatch.setattr(backends, "agree", threads.agree)
    return threads


def train(index, seconds, sent, num_batches=1000):
    """The batch after which a process stops, and the signal that it knows.

    `sent` is the process and the batch of a SIGTERM; `seconds` a batch takes.
    """
    passed = [0.0]
    interruption = Interruption()
    agreed = AgreedSignal(interruption, clock=lambda: passed[0])
    for batch in range(num_batches):
        # Clocks of processes differ.
        passed[0] += seconds * (1 + index / 10)
        if (index, batch) == sent:
            interruption.signal = signal.SIGTERM
        if agreed.has_come():
            return batch, interruption.signal
    return None, interruption.signal


@pytest.mark.parametrize("seconds", [0.001, 0.1, 20])
def test_all_stop_at_the_same_batch_within_a_second(together, seconds):
    results = together.run(lambda index: train(index, seconds, (1, 321)))

    [(batch, name)] = set(results)
    assert name is signal.SIGTERM
    assert 321 <= batch <= 321 + max(1 / seconds, 1)


def test_they_ask_a_few_times_per_second(together):
    together.run(lambda index: train(index, 0.001, None))

    assert together.asked < 60  # of 1000 batches, in a second


def test_slow_batches_are_asked_after_each(together):
    together.run(lambda index: train(index, 20, None, num_batches=10))

    assert together.asked == 20  # for the signal, and for the time


def test_one_process_asks_nobody(monkeypatch):
    monkeypatch.setattr(backends, "agree", None)

    assert train(0, 0.001, (0, 7)) == (7, signal.SIGTERM)
