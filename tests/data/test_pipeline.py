import os
import pathlib
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

from layerlock.data import pipeline
from layerlock.data.source import VideoSource

pytest.importorskip("grain")


class Counting(VideoSource):
    """Clip `i` is a single pixel that holds `i`, modulo 256."""

    def __init__(self, length=10):
        self.length = length

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        return np.full((1, 1, 1, 3), index % 256, "uint8"), {"index": index}


def indices(batch_size=5, source=None, **arguments):
    stream = pipeline.batches(source or Counting(), batch_size, **arguments)
    return [batch[:, 0, 0, 0, 0].tolist() for (batch,) in stream]


def test_a_batch_is_a_tuple_of_clips():
    ((clips,),) = pipeline.batches(Counting(), 4, num_batches=1)

    assert isinstance(clips, np.ndarray)
    assert clips.shape == (4, 1, 1, 1, 3)
    assert clips.dtype == "uint8"


def test_each_epoch_has_every_clip_once():
    first, second, third = indices(10, num_batches=3)

    assert sorted(first) == list(range(10))
    assert sorted(second) == list(range(10, 20))
    assert sorted(third) == list(range(20, 30))


def test_each_epoch_has_an_order_of_its_own():
    epochs = np.array(indices(10, num_batches=5)) % 10

    assert len(np.unique(epochs, axis=0)) == 5


def test_each_seed_has_an_order_of_its_own():
    orders = [indices(10, seed=seed, num_batches=1)[0] for seed in range(5)]

    assert len(np.unique(orders, axis=0)) == 5


def test_batches_run_across_the_end_of_an_epoch():
    clips = np.concatenate(indices(4, num_batches=5))

    assert sorted(clips) == list(range(20))


@pytest.mark.parametrize("first", [1, 3, 1_000_000])
def test_a_batch_does_not_depend_on_where_reading_began(first):
    before = indices(3, first_batch=first - 1, num_batches=4)

    assert indices(3, first_batch=first, num_batches=3) == before[1:]


@pytest.mark.parametrize("num_workers", [1, 2])
def test_a_batch_does_not_depend_on_the_number_of_workers(num_workers):
    here = indices(first_batch=2, num_batches=4)

    assert here == indices(
        first_batch=2, num_batches=4, num_workers=num_workers
    )


@pytest.mark.parametrize("first", [0, 3])
def test_processes_read_the_rows_of_each_batch_without_overlap(first):
    whole = indices(6, num_batches=4, first_batch=first)
    parts = [
        indices(6, num_batches=4, first_batch=first, rows=rows)
        for rows in (slice(0, 2), slice(2, 4), slice(4, 6))
    ]

    together = [sum(rows, []) for rows in zip(*parts, strict=True)]

    assert together == whole


def test_there_is_no_end_unless_one_is_asked_for():
    stream = pipeline.batches(Counting(2), 4)

    clips = np.concatenate([next(stream)[0] for _ in range(10)])
    stream.close()

    assert len(clips) == 40


def test_a_source_of_one_clip_is_repeated():
    assert indices(2, Counting(1), num_batches=3) == [[0, 1], [2, 3], [4, 5]]


class Kept(Counting):
    """Has its clips in memory, as no one may change them."""

    kept = np.ones((4, 1, 1, 3), "uint8")
    kept.flags.writeable = False

    def clip(self, index):
        return self.kept


@pytest.mark.parametrize(
    ("num_workers", "batch_size"), [(0, 1), (0, 4), (1, 4)]
)
def test_a_batch_can_be_changed_by_its_owner(num_workers, batch_size):
    ((clips,),) = pipeline.batches(
        Kept(), batch_size, num_batches=1, num_workers=num_workers
    )

    clips[:] = 0  # would fail on memory that belongs to somebody else

    assert not clips.any()
    assert Kept.kept.all()


@pytest.mark.parametrize("num_workers", [0, 1])
def test_the_thread_that_reads_places_batches(num_workers):
    threads = set()

    def place(clips):
        threads.add(threading.current_thread())
        return clips.astype("int32") + 1000

    arguments = {"first_batch": 2, "num_batches": 4}
    placed = indices(num_workers=num_workers, transfer=place, **arguments)
    plain = indices(num_workers=num_workers, **arguments)

    assert placed == [[1000 + n for n in batch] for batch in plain]
    assert threading.main_thread() not in threads


@pytest.mark.parametrize(
    "num_workers", [pytest.param(0, marks=pytest.mark.thorough), 2]
)
@pytest.mark.parametrize("closed", [True, False])
def test_a_program_ends_without_a_word(
    tmp_path, pytestconfig, num_workers, closed
):
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(f"""
            from layerlock import data
            from layerlock.data import pipeline

            if __name__ == "__main__":
                source = data.get("scenes", frames=2, size=8)
                stream = pipeline.batches(source, 4, num_workers={num_workers})
                next(stream)
                next(stream)
                if {closed}:
                    stream.close()
        """)
    )

    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"PYTHONPATH": str(pytestconfig.rootpath)},
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    # Grain may leave a block of shared memory behind when it is closed while
    # a worker hands it over. Python frees it, and says so.
    freed = ("resource_tracker.py", "warnings.warn('resource_tracker")
    lines = done.stderr.splitlines()
    assert not [line for line in lines if not any(f in line for f in freed)]


def test_workers_end_when_the_program_is_killed(tmp_path, pytestconfig):
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(f"""
            import os, pathlib, time
            import numpy as np
            from layerlock.data import pipeline, source

            class Signed(source.VideoSource):
                def __len__(self):
                    return 8

                def __getitem__(self, index):
                    folder = pathlib.Path({str(tmp_path)!r})
                    (folder / f"{{os.getpid()}}.pid").touch()
                    return np.zeros((1, 2, 2, 3), "uint8"), {{}}

            if __name__ == "__main__":
                stream = pipeline.batches(Signed(), 1, num_workers=2)
                for _ in range(4):
                    next(stream)
                print("ready", flush=True)
                time.sleep(60)
        """)
    )
    program = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # Python says which memory it cleans up
        env=os.environ | {"PYTHONPATH": str(pytestconfig.rootpath)},
    )
    with program:
        assert program.stdout.readline() == b"ready\n"
        workers = [int(path.stem) for path in tmp_path.glob("*.pid")]
        assert workers and program.pid not in workers

        program.kill()

    deadline = time.monotonic() + 30
    while any(map(_runs, workers)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(map(_runs, workers))


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    # Whose parent is gone may wait to be reaped: it runs no more.
    status = pathlib.Path(f"/proc/{process}/stat")
    return not (status.exists() and ") Z " in status.read_text())
