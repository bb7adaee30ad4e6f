"""Clips go on to be read when a process that reads them dies or hangs."""

import os
import pathlib
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from layerlock.data import persistence

DIED = "Worker process was terminated unexpectedly with exit code -9."


def stream_that_dies_at(deaths):
    """A function that opens a stream; each number dies once at that batch."""
    opened = []

    def open_stream(batch):
        opened.append(batch)
        while True:
            if batch in deaths:
                deaths.remove(batch)
                raise RuntimeError(DIED)
            yield batch
            batch += 1

    return open_stream, opened


def test_it_goes_on_at_the_batch_where_a_worker_died():
    open_stream, opened = stream_that_dies_at([5, 7])
    said = []

    stream = persistence.read_on(open_stream, 3, said.append)
    found = [next(stream) for _ in range(6)]
    stream.close()

    assert found == [3, 4, 5, 6, 7, 8]
    assert opened == [3, 5, 7]
    assert len(said) == 2 and "started again, at batch 5" in said[0]


def test_a_batch_that_kills_every_worker_is_an_error():
    open_stream, opened = stream_that_dies_at([4, 4, 4, 4])

    stream = persistence.read_on(open_stream, 4, lambda text: None)
    with pytest.raises(persistence.ReadingError, match="batch 4.*`workers`"):
        next(stream)

    assert opened == [4, 4, 4]


def test_workers_that_hang_again_and_again_are_an_error(monkeypatch):
    class Worker:
        name, pid = "grain-process-prefetch-0", 1

        def kill(self):
            killed.set()

    killed = threading.Event()

    def hang(batch):
        killed.clear()
        killed.wait(60)
        raise RuntimeError(DIED)
        yield

    monkeypatch.setattr(persistence, "PATIENCE", 0.1)
    monkeypatch.setattr(persistence, "LIMIT", 0.2)
    monkeypatch.setattr(
        persistence.multiprocessing, "active_children", lambda: [Worker()]
    )
    said = []

    with pytest.raises(persistence.ReadingError, match="Batch 7 was not read"):
        next(persistence.read_on(hang, 7, said.append))

    again = [text for text in said if "without clips. It is started" in text]
    assert len(again) == 2


def test_other_errors_are_raised_as_they_are():
    def open_stream(batch):
        raise RuntimeError("another")
        yield

    with pytest.raises(RuntimeError, match="^another$"):
        next(persistence.read_on(open_stream, 0))


def test_a_stream_that_ends_ends():
    assert list(persistence.read_on(lambda b: iter_to(b, 3), 1)) == [1, 2]


def iter_to(first, last):
    yield from range(first, last)


def test_a_wait_is_told_once(monkeypatch):
    monkeypatch.setattr(persistence, "PATIENCE", 0.05)
    said = []

    def slow(batch):
        time.sleep(0.5)
        yield batch
        yield batch + 1

    stream = persistence.read_on(slow, 0, said.append)
    assert [next(stream), next(stream)] == [0, 1]
    stream.close()

    assert len(said) == 1
    assert said[0].startswith("No clips have come for 0 minutes.")


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="not on Windows")
def test_batches_are_the_same_after_workers_died_and_hung(
    tmp_path, pytestconfig
):
    """With Grain's own processes: its words are what tells a death."""
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent("""
            import multiprocessing, os, signal
            import numpy as np
            from layerlock import data
            from layerlock.data import persistence, pipeline

            def say(text):
                print(text)
                if text.startswith("A process"):  # ended; may start slowly
                    persistence.LIMIT = 1800.0

            if __name__ == "__main__":
                source = data.get("scenes", frames=2, size=8)
                expected = pipeline.batches(source, 4, num_batches=30)
                found = pipeline.batches(
                    source,
                    4,
                    num_batches=30,
                    num_workers=1,
                    print_fn=say,
                )
                persistence.PATIENCE = 5.0
                for number, (batch,) in enumerate(expected):
                    np.testing.assert_array_equal(next(found)[0], batch)
                    if number in (3, 15):
                        [worker] = multiprocessing.active_children()
                        kill = signal.SIGKILL
                        if number == 15:
                            kill, persistence.LIMIT = signal.SIGSTOP, 1.0
                        os.kill(worker.pid, kill)
                print(next(found, "the end"))
        """)
    )

    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ
        | {"PYTHONPATH": str(pathlib.Path(pytestconfig.rootpath))},
    )

    assert done.returncode == 0, done.stderr
    assert "by a kill. It is started again, at batch" in done.stdout
    assert "without clips. It is started again, at batch" in done.stdout
    assert done.stdout.endswith("the end\n")
