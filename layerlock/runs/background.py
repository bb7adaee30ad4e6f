"""Writes files beside training, in a thread."""

import concurrent.futures


class Background:
    """Runs functions in one thread, in their order.

    A function must be given copies of what training changes.

    Args:
        name: str, of the thread.

    Example:

    >>> done = []
    >>> beside = Background("example")
    >>> beside.submit(done.append, 1)
    >>> beside.wait()
    >>> done
    [1]
    """

    def __init__(self, name: str):
        self.name = name
        self._pool = None
        self._futures = []

    def submit(self, function, *arguments, **keywords):
        """Runs a function after those before it.

        Args:
            function: what to run.
            *arguments, **keywords: of the function.
        """
        if self._pool is None:
            self._pool = concurrent.futures.ThreadPoolExecutor(1, self.name)
        future = self._pool.submit(function, *arguments, **keywords)
        self._futures.append(future)

    def wait(self):
        """Waits for all functions.

        Raises:
            Exception: what the first of those that failed raised.
        """
        futures, self._futures = self._futures, []
        concurrent.futures.wait(futures)
        for future in futures:
            future.result()
