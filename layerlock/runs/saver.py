"""Saves the checkpoints of a run, whether weights are whole or in parts."""

import copy
import threading

from layerlock import backends, disk
from layerlock.runs import checkpoints


class Saver:
    """Saves checkpoints; weights in parts are written in the background.

    Every process calls its functions. Each writes its own parts, and the one
    that writes the run directory does the rest.

    Args:
        folder: path of the folder of checkpoints.
        keep: int, the newest checkpoints to keep.
        is_writer: bool, whether this process writes the run directory.
            Defaults to `True`.

    Example:

    ```python
    saver = Saver("runs/mine/checkpoints", keep=3)
    saver.save(model, step=1000, state={"losses": []}, arrays={})
    saver.wait()
    ```
    """

    def __init__(self, folder, keep: int, is_writer: bool = True):
        self.folder = folder
        self.keep = keep
        self.is_writer = is_writer
        self._thread = None
        self._error = None

    def save(self, model, step: int, state: dict, arrays: dict):
        """Saves a checkpoint, after the one before is complete.

        Args:
            model, step, state, arrays: as for `checkpoints.save`.
        """
        self.wait()
        if backends.is_sharded():
            self._save_shards(model, step, state, arrays)
            return
        with backends.gathered(model):
            if self.is_writer:
                checkpoints.save(
                    self.folder, model, step, state, self.keep, arrays
                )

    def wait(self):
        """Waits until the newest checkpoint is on the disk, in all processes.

        Raises:
            Exception: what kept it from being written.
        """
        if self._thread is None:
            return
        self._thread.join()
        self._thread = None
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _save_shards(self, model, step, state, arrays):
        backends.sync_state(model)
        draft = self.folder / checkpoints.draft_name(step)
        if self.is_writer:
            (checkpoints.begin(self.folder, step) / checkpoints.SHARDS).mkdir()
        backends.barrier()
        state = copy.deepcopy(state)  # training goes on
        writing = backends.save_shards(
            draft / checkpoints.SHARDS, checkpoints.named_variables(model)
        )

        def finish():
            try:
                writing.wait()
                if self.is_writer:
                    checkpoints.complete(draft, step, state, self.keep, arrays)
            except BaseException as error:
                self._error = error
                if self.is_writer:
                    disk.discard(draft)

        self._thread = threading.Thread(
            target=finish, name="checkpoint", daemon=True
        )
        self._thread.start()
