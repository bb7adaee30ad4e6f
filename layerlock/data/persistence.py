"""Goes on reading when a process that reads clips dies or hangs."""

import contextlib
import multiprocessing
import threading
import time

ATTEMPTS = 3  # of one batch
PATIENCE = 300.0  # seconds without a batch, until a message
LIMIT = 1800.0  # seconds without a batch, until workers are ended
_DIED = "Worker process was terminated"  # Grain's words
_NAME = "grain-process-prefetch"


class ReadingError(RuntimeError):
    """Clips cannot be read, now or ever; says why."""


def read_on(open_stream, first_batch: int, print_fn=print):
    """Yields the batches of a stream that is opened again when a worker dies.

    Workers that give no batch for `LIMIT` seconds are ended.

    Args:
        open_stream: function of the number of a batch, which returns a
            generator that begins with it.
        first_batch: int.
        print_fn: function that prints a message. Defaults to `print`.

    Raises:
        ReadingError: if workers die again and again at one batch.
    """
    batch, attempts = first_batch, 0
    while True:
        try:
            with (
                contextlib.closing(open_stream(batch)) as stream,
                _Watch(print_fn) as watch,
            ):
                while True:
                    with watch.waiting():
                        item = next(stream, None)
                    if item is None:
                        return
                    batch, attempts = batch + 1, 0
                    yield item
        except RuntimeError as error:
            if _DIED not in str(error):
                raise
            attempts += 1
            if attempts == ATTEMPTS:
                raise ReadingError(_reason(batch, watch, error)) from error
            why = "for lack of memory or by a kill"
            if watch.has_ended_workers:
                why = f"after {LIMIT / 60:.0f} minutes without clips"
            print_fn(
                f"A process that reads clips ended, {why}. It is started "
                f"again, at batch {batch}."
            )


def _reason(batch, watch, error) -> str:
    if watch.has_ended_workers:
        return (
            f"Batch {batch} was not read within {LIMIT / 60:.0f} minutes, "
            f"{ATTEMPTS} times. The disk of the videos may not answer, or a "
            "video hangs the decoder: `failures.jsonl` and `workers=0` may "
            "show which."
        )
    return (
        f"A process that reads clips ended {ATTEMPTS} times while it read "
        f"batch {batch}. Memory may be short: try fewer `workers`. Or a video "
        f"ends the decoder: `workers=0` shows how. {error}"
    )


class _Watch:
    """Looks how long a batch takes.

    After `PATIENCE` it prints a message, once a batch; after `LIMIT` it ends
    the processes that read.

    Attributes:
        has_ended_workers: bool, whether it has done so.
    """

    def __init__(self, print_fn):
        self.print_fn = print_fn
        self.has_ended_workers = False
        self.since = None
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.done.set()

    @contextlib.contextmanager
    def waiting(self):
        self.since = time.monotonic()
        try:
            yield
        finally:
            self.since = None

    def _look(self):
        told = None
        while not self.done.wait(PATIENCE / 10):
            since = self.since
            if since is None:
                continue
            waited = time.monotonic() - since
            if waited > PATIENCE and since != told:
                told = since
                self.print_fn(_description())
            if waited > LIMIT:
                for worker in _workers():
                    self.has_ended_workers = True
                    worker.kill()


def _workers() -> list:
    return [
        child
        for child in multiprocessing.active_children()
        if child.name.startswith(_NAME)
    ]


def _description() -> str:
    text = (
        f"No clips have come for {PATIENCE / 60:.0f} minutes. The disk of the "
        "videos may not answer."
    )
    if workers := _workers():
        numbers = " ".join(str(worker.pid) for worker in workers)
        text += (
            f" Or a process that reads them hangs: kill -9 {numbers} has them "
            f"started again, and loses nothing. After {LIMIT / 60:.0f} minutes "
            "this is done."
        )
    return text
