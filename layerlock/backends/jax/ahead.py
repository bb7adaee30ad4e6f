"""A program that a thread of its own compiles while others run."""

import threading
import warnings


class Compilation:
    """Compiles in the background, and hands over what came of it.

    Args:
        compile: function without arguments that returns the program and what
            must be equal for it to fit.
        config: what `get_config` of the model will return when the program
            is wanted. Defaults to `None`.
        daemon: bool, whether a program that ends leaves its compiler behind.
            Defaults to `True`.

    Attributes:
        program: what was compiled, or `None`.
        error: why there is none, an exception.
    """

    def __init__(self, compile, config=None, daemon=True):
        self.config = config
        self.program = None
        self.error = None
        self._fits = None
        self._thread = threading.Thread(
            target=self._run,
            args=(compile,),
            name="layerlock-compile-ahead",
            daemon=daemon,
        )
        self._thread.start()

    def wait(self):
        """Waits until it is compiled, or failed."""
        self._thread.join()

    def take(self, fits):
        """Waits for the program; `None` if there is none that fits."""
        self.wait()
        if self.error is not None:
            warnings.warn(
                "What was to be compiled ahead could not be and is compiled "
                f"now: {self.error!r}",
                stacklevel=2,
            )
        return self.program if fits == self._fits else None

    def _run(self, compile):
        try:
            self.program, self._fits = compile()
        except Exception as error:  # the run goes on, and compiles in time
            self.error = error
