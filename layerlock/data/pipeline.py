"""Batches of clips that depend on the seed and the batch number only."""

import atexit
import contextlib
import functools
import multiprocessing
import os
import signal
import threading
import weakref

import numpy as np

from layerlock import interruption
from layerlock.data import persistence, randomness
from layerlock.data.source import VideoSource

_ENDLESS = 2**40  # clips; more than any run reads
_ORDER = 200  # stream of random numbers


class ClipStream:
    """An endless sequence of clips, in a random order per epoch.

    Every epoch contains each clip once. Clip number `n` is a pure function of
    the seed and of `n`. A source with an order of its own keeps it.

    Args:
        source: a `VideoSource`.
        seed: int, of the order.
    """

    def __init__(self, source: VideoSource, seed: int):
        self.source = source
        self.seed = seed

    def __len__(self):
        return _ENDLESS

    def index(self, number: int) -> int:
        """Returns the index in the source of clip `number` of the stream."""
        if self.source.is_ordered:
            return number
        from grain.experimental import index_shuffle

        epoch, position = divmod(number, len(self.source))
        shuffled = index_shuffle(
            position,
            max_index=len(self.source) - 1,
            seed=_mixed(self.seed, epoch),
            rounds=4,
        )
        return epoch * len(self.source) + shuffled

    def __getitem__(self, number: int):
        return self.source.clip(self.index(number))

    def names(self, batch: int, batch_size: int) -> list[str]:
        """Returns readable names of the clips of a batch."""
        first = batch * batch_size
        return [
            self.source.name(self.index(number))
            for number in range(first, first + batch_size)
        ]


class Rows:
    """The clips of a stream that lie in some rows of its batches.

    Args:
        clips: a `ClipStream`.
        batch_size: int, clips in a batch.
        rows: slice of a batch.
    """

    def __init__(self, clips: ClipStream, batch_size: int, rows: slice):
        self.clips = clips
        self.batch_size = batch_size
        self.first, last, _ = rows.indices(batch_size)
        self.num_rows = last - self.first

    def __len__(self):
        return _ENDLESS

    def __getitem__(self, number: int):
        batch, row = divmod(number, self.num_rows)
        return self.clips[batch * self.batch_size + self.first + row]


@functools.lru_cache(maxsize=2)  # epochs of one seed follow one another
def _mixed(seed: int, epoch: int) -> int:
    """Mixes seed and epoch to 32 bits, so that epochs of seeds differ."""
    rng = randomness.generator(seed, _ORDER, epoch)
    return int(rng.integers(2**32))


def batches(
    source: VideoSource,
    batch_size: int,
    seed: int = 0,
    first_batch: int = 0,
    num_batches: int | None = None,
    rows: slice | None = None,
    num_workers: int = 0,
    transfer=None,
    print_fn=print,
):
    """Returns batches of clips, ready for `model.fit`.

    Batch `b` does not depend on `first_batch` and `num_workers`. To resume, a
    run needs only the number of batches so far.

    Args:
        source: a `VideoSource`.
        batch_size: int, clips in a batch.
        seed: int, of the order of clips. Defaults to `0`.
        first_batch: int, the batch to begin with. Defaults to `0`.
        num_batches: int, or `None` for no end. Defaults to `None`.
        rows: slice of each batch, to read these rows only. Defaults to
            `None`, all rows.
        num_workers: int, processes that read clips; 0 reads in a thread of
            this process. Defaults to `0`.
        transfer: function of a batch, called by the thread that has read it,
            such as `backends.to_device`. Defaults to `None`.
        print_fn: function that prints a message, such as that a process died
            and was started again. Defaults to `print`.

    Returns:
        A generator of `(clips,)`, uint8 of shape
        `(rows, frames, height, width, 3)`, or what `transfer` returned.
    """
    clips = Rows(ClipStream(source, seed), batch_size, rows or slice(None))
    num_rows = clips.num_rows
    last = None
    if num_batches is not None:
        last = (first_batch + num_batches) * num_rows

    def read_from(batch):
        numbers = slice(batch * num_rows, last)
        return _read(clips, numbers, num_rows, num_workers, transfer)

    stream = persistence.read_on(read_from, first_batch, print_fn)
    # Closes workers if the program ends before the last batch. A weak
    # reference, so that unused streams are freed.
    atexit.register(_close, weakref.ref(stream))
    return stream


def _read(clips, numbers: slice, batch_size: int, num_workers: int, transfer):
    import grain
    from absl import flags

    if not flags.FLAGS.is_parsed():
        flags.FLAGS.mark_as_parsed()  # Grain's workers read absl's flags
    dataset = grain.MapDataset.source(clips)[numbers]
    dataset = dataset.batch(batch_size, drop_remainder=True)
    # Batches of workers are in shared memory, and a batch of one clip is the
    # array of the source: both are copied. Other batches are not, because the
    # copy would hold Python's lock.
    is_shared = num_workers > 0 or batch_size == 1
    after = [
        *([np.array] if is_shared else []),
        *([transfer] if transfer else []),
    ]
    if num_workers:
        # One thread per worker: Grain's default of 16 would compete for the
        # cores.
        dataset = dataset.to_iter_dataset(
            grain.ReadOptions(num_threads=1, prefetch_buffer_size=2)
        ).mp_prefetch(
            grain.MultiprocessingOptions(num_workers=num_workers),
            worker_init_fn=_end_with_parent,
        )
        for function in after:
            dataset = dataset.map(function)
        dataset = grain.experimental.ThreadPrefetchIterDataset(
            dataset, prefetch_buffer_size=1
        )
    else:
        for function in after:
            dataset = dataset.map(function)
        # One thread: on a small machine, two would take more time from the
        # training thread than they save.
        dataset = dataset.to_iter_dataset(
            grain.ReadOptions(num_threads=1, prefetch_buffer_size=4)
        )
    iterator = iter(dataset)
    try:
        for batch in iterator:
            yield (batch,)
    finally:
        iterator.close()


def _end_with_parent(worker: int, num_workers: int):
    """Ends this worker when its parent process is gone, and not earlier.

    Otherwise the worker of a killed run would wait forever, and one that a
    queue or a terminal signals with its parent would end before it.
    """
    interruption.ignore_all()
    parent = multiprocessing.parent_process()

    def wait():
        parent.join()
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()


def _close(reference):
    stream = reference()
    if stream is not None:
        with contextlib.suppress(ValueError):  # a thread is reading it
            stream.close()
