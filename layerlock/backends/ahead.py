"""A program that a thread of its own compiles while others run."""

import threading
import warnings


class Compilation:
    """Compiles in the background, and hands over what came of it.

    Args:
        compile: function without arguments that returns the program and what
            must be equal for it to fit.
        config: what `get_config` of the model will return when the program
            is wanted.

    Attributes:
        program: what was compiled, or `None`.
        error: why there is none, an exception.
    """

    def __init__(self, compile, config):
        self.config = config
        self.program = None
        self.error = None
        self._fits = None
        # A run that is interrupted does not wait for its compiler.
        self._thread = threading.Thread(
            target=self._run,
            args=(compile,),
            name="layerlock-compile-ahead",
            daemon=True,
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
                "The step of this stage could not be compiled ahead and is "
                f"compiled now: {self.error!r}",
                stacklevel=2,
            )
        return self.program if fits == self._fits else None

    def _run(self, compile):
        try:
            self.program, self._fits = compile()
        except Exception as error:  # the run goes on, and compiles in time
            self.error = error
