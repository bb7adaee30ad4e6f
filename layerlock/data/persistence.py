"""Goes on reading when a process that reads clips dies, and tells of a wait."""

import contextlib
import multiprocessing
import threading
import time

ATTEMPTS = 3  # of one batch
PATIENCE = 300.0  # seconds
_DIED = "Worker process was terminated"  # Grain's words
_NAME = "grain-process-prefetch"


class ReadingError(RuntimeError):
    """Clips cannot be read, now or ever; says why."""


def read_on(open_stream, first_batch: int, print_fn=print):
    """Yields the batches of a stream that is opened again when a worker dies.

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
                raise ReadingError(
                    f"A process that reads clips ended {ATTEMPTS} times while "
                    f"it read batch {batch}. Memory may be short: try fewer "
                    "`workers`. Or a video ends the decoder: `workers=0` "
                    f"shows how. {error}"
                ) from error
            print_fn(
                "A process that reads clips ended, for lack of memory or by a "
                f"kill. It is started again, at batch {batch}."
            )


class _Watch:
    """Says once if a batch takes longer than `PATIENCE`."""

    def __init__(self, print_fn):
        self.print_fn = print_fn
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
            if since is None or since == told:
                continue
            if time.monotonic() - since > PATIENCE:
                told = since
                self.print_fn(_description())


def _description() -> str:
    workers = [
        str(child.pid)
        for child in multiprocessing.active_children()
        if child.name.startswith(_NAME)
    ]
    text = (
        f"No clips have come for {PATIENCE / 60:.0f} minutes. The disk of the "
        "videos may not answer."
    )
    if workers:
        text += (
            f" Or a process that reads them hangs: kill -9 {' '.join(workers)} "
            "has them started again, and loses nothing."
        )
    return text
