"""What one process does for all, with threads in the place of processes."""

import threading

import pytest

from layerlock import backends, interruption
from layerlock.backends import launchers
from layerlock.backends.contract import ProcessLost
from layerlock.config import OptionError, PretrainConfig
from layerlock.jobs.job import JobError
from layerlock.jobs.pretraining import processes


@pytest.fixture
def together(monkeypatch):
    """Runs a function in two threads that stand for two processes."""
    own, sent = threading.local(), []
    arrived = threading.Event()

    def broadcast(value):
        if own.index == 0:
            sent.append(value)
            arrived.set()
        arrived.wait(5)
        return sent[-1]

    monkeypatch.setattr(backends, "process_index", lambda: own.index)
    monkeypatch.setattr(backends, "process_count", lambda: 2)
    monkeypatch.setattr(backends, "broadcast", broadcast)

    def run(function):
        results = [None, None]

        def call(index):
            own.index = index
            try:
                results[index] = function()
            except Exception as error:
                results[index] = error

        threads = [threading.Thread(target=call, args=(i,)) for i in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return results

    return run


def test_the_result_of_the_first_is_that_of_all(together):
    calls = []

    results = together(lambda: processes.first(lambda: calls.append(1) or [3]))

    assert results == [[3], [3]]
    assert calls == [1]


def test_what_only_the_first_has_is_nothing_in_the_others(together):
    assert together(lambda: processes.only_first(lambda: "run")) == [
        "run",
        None,
    ]


def test_an_error_of_the_first_is_raised_in_all(together):
    def fail():
        raise OSError("the disk is full")

    first, second = together(lambda: processes.first(fail))

    assert isinstance(first, OSError)
    assert isinstance(second, ValueError)
    assert "The first process stopped: the disk is full" in str(second)


def test_only_the_first_is_shown(together, capsys):
    def say():
        with processes.quiet():
            print(f"process {backends.process_index()}")
        return processes.stream() is None

    # One after the other: the standard output is that of both threads.
    assert together(processes.is_first) == [True, False]
    lock = threading.Lock()

    def in_turn():
        with lock:
            return say()

    assert together(in_turn) == [True, False]
    assert capsys.readouterr().out == "process 0\n"


def test_processes_without_a_distribution_are_refused(together):
    config = PretrainConfig.of().resolve()

    for error in together(lambda: processes.check(config)):
        assert isinstance(error, OptionError)
        assert "2 processes were started" in str(error)


def test_the_command_to_go_on_starts_all_processes(together, monkeypatch):
    launcher = ["srun", "--ntasks=2"]
    monkeypatch.setattr(launchers, "command", lambda: launcher)
    config = PretrainConfig.of(distribution="fsdp")

    first, second = together(lambda: processes.resume_command(config, "a"))

    assert first == second
    assert " srun --ntasks=2 layerlock pretrain --run_dir=a" in first


def test_the_command_of_a_process_that_was_numbered_has_its_number():
    config = PretrainConfig.of(
        distribution="fsdp",
        coordinator="h:1",
        num_processes=2,
        process_id=1,
    )

    command = processes.resume_command(config, "a")

    assert command.endswith(
        "layerlock pretrain --run_dir=a --resume --coordinator=h:1 "
        "--num_processes=2 --process_id=1"
    )


def test_one_of_several_processes_does_not_end_alone_at_ctrl_c(together):
    assert together(processes.signals) == [interruption.NAMES_TOGETHER] * 2


def test_the_end_of_another_process_is_one_sentence(monkeypatch):
    error = RuntimeError("connection reset by peer")
    monkeypatch.setattr(backends, "lost", {error: ProcessLost()}.get)

    with pytest.raises(JobError, match="Another process of the run has ended"):
        with processes.abandoned_on_error():
            raise error


def test_an_error_of_this_process_stays_as_it_is():
    with pytest.raises(RuntimeError, match="my own"):
        with processes.abandoned_on_error():
            raise RuntimeError("my own")
