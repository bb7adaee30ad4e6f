"""Compiles a program in a background thread."""

import threading
import warnings


class Compilation:
    """Compiles a program in the background.

    Args:
        compile: function without arguments that returns the program and the
            structure of its arguments.
        config: `get_config` of the model at the stage of the program.
            Defaults to `None`.
        daemon: bool, whether the process may exit before the compilation has
            finished. Defaults to `True`.

    Attributes:
        program: the compiled program, or `None`.
        error: the exception if compilation failed, or `None`.
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
        """Waits until the compilation has finished or failed."""
        self._thread.join()

    def take(self, fits):
        """Waits for the program; returns `None` if it does not fit."""
        self.wait()
        if self.error is not None:
            warnings.warn(
                "Compiling the next stage in the background failed; it is "
                f"compiled now. Reason: {self.error!r}",
                stacklevel=2,
            )
        return self.program if fits == self._fits else None

    def _run(self, compile):
        try:
            self.program, self._fits = compile()
        except Exception as error:  # the run continues and compiles later
            self.error = error
