"""Records a few training steps with the profiler of the framework."""

import contextlib
import pathlib
import tempfile

import keras

from layerlock import backends, disk

FIRST, LAST = 10, 15  # the first steps of a process compile


class Trace(keras.callbacks.Callback):
    """Records training steps 10 to 15 of this process into a folder.

    TensorBoard or https://ui.perfetto.dev open its files. Steps are counted
    in batches from the start of `fit`; where one call trains several of them,
    the trace has whole calls. Place it first, so that the trace contains what
    the other callbacks do.

    Args:
        folder: path of the folder.
        first: int, the first step. Defaults to `10`.
        last: int, the last step. Defaults to `15`.
        print_fn: function that prints a message. Defaults to `print`.

    Example:

    ```python
    model.fit(clips, callbacks=[Trace("traces/mine")])
    ```
    """

    takes_tensors = True

    def __init__(self, folder, first=FIRST, last=LAST, print_fn=print):
        super().__init__()
        self.folder = pathlib.Path(folder)
        self.first = first
        self.last = last
        self.print_fn = print_fn
        self._recording = self._step = None

    def on_train_begin(self, logs=None):
        self._is_over = False
        self._before = self._ended = 0  # batches: of earlier epochs, and all

    def on_epoch_begin(self, epoch, logs=None):
        self._before = self._ended

    def on_train_batch_begin(self, batch, logs=None):
        number = self._before + batch + 1
        if self._is_over or number < self.first:
            return
        if self._recording is None:
            self._recording = contextlib.ExitStack()
            self._recording.enter_context(backends.tracing(self.folder))
        self._step = contextlib.ExitStack()
        self._step.enter_context(backends.named_step(number))

    def on_train_batch_end(self, batch, logs=None):
        self._ended = self._before + batch + 1
        if self._recording is None:
            return
        is_last = self._ended >= self.last
        if is_last:
            float(logs["loss"])  # waits for the device
        self._step.close()
        if is_last:
            self.close()

    def on_train_end(self, logs=None):
        self.close()
        if not self._is_over:
            self.print_fn(
                f"No trace was written: training ended before step {self.first}"
                " of this process."
            )

    def close(self):
        """Ends the recording, if there is one, and writes the trace."""
        recording, self._recording = self._recording, None
        if recording is None:
            return
        self._is_over = True
        self._step.close()
        recording.close()
        self.print_fn(f"Trace: {self.folder}")


def check_folder(folder):
    """Makes the folder of a trace, and raises if nothing can be written there.

    Args:
        folder: path, or `None` if no trace is wanted.
    """
    if folder is None:
        return
    try:
        pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder):
            pass
    except OSError as error:
        advice = disk.ADVICE.get(error.errno, "Pass another folder")
        raise ValueError(
            "`trace` is a folder that the profiler writes to. Received: "
            f"trace={folder}, which cannot be written: {error.strerror}. "
            f"{advice}, or leave `trace` out."
        ) from error
