"""Writes the weights of a model to a file, whatever the disk does."""

import io
import math
import os

from layerlock import disk

# Numbers. A smaller file is put together in memory and written at once, as
# HDF5 writes many small parts, which network disks are slow at.
LARGE = 2**26


def save(model, path):
    """Writes `model.save_weights(path)`, and waits until it is on the disk.

    HDF5 does not survive a failing write: it may lose the error, so that a
    file with a hole looks complete, or end the process when it closes the
    file. Here HDF5 writes to an object that never fails, which writes to the
    disk, keeps the first error, and has it raised afterwards.

    A large file is not held in memory: that of an encoder with 4 billion
    parameters and its optimizer has 48 GB.

    Args:
        model: a built `keras.Model`.
        path: path of the file, which ends in `.weights.h5`.

    Raises:
        OSError: if the disk refused.
    """
    with disk.named(path), open(path, "w+b") as file:
        together = None if _size(model) > LARGE else io.BytesIO()
        target = _Target(
            file if together is None else together, os.path.basename(path)
        )
        try:
            model.save_weights(target)
        except Exception:
            target.check()  # what has failed was not HDF5's fault
            raise
        target.check()
        if together is not None:
            file.write(together.getbuffer())
        file.flush()
        os.fsync(file.fileno())


def _size(model) -> int:
    optimizer = getattr(model, "optimizer", None)
    variables = [*model.variables, *getattr(optimizer, "variables", ())]
    return sum(math.prod(variable.shape) for variable in variables)


class _Target(io.BytesIO):
    """A file that does not fail, and remembers that it should have.

    Keras takes the paths of files, and instances of `io.BytesIO`.

    Args:
        file: a binary file, open for reading and writing.
        name: str, its name, from which Keras knows the format.
    """

    def __init__(self, file, name):
        super().__init__()
        self.file = file
        self.name = name
        self.error = None

    def __str__(self):
        return self.name

    def check(self):
        """Raises the first error."""
        if self.error is not None:
            raise self.error

    def _try(self, action, *arguments, otherwise=0):
        if self.error is not None:
            return otherwise
        try:
            return action(*arguments)
        except OSError as error:
            self.error = error
            return otherwise

    def seek(self, position, whence=0):
        return self._try(self.file.seek, position, whence)

    def tell(self):
        return self._try(self.file.tell)

    def write(self, content):
        return self._try(self.file.write, content, otherwise=len(content))

    def readinto(self, buffer):
        return self._try(self.file.readinto, buffer, otherwise=len(buffer))

    def read(self, size=-1):
        return self._try(self.file.read, size, otherwise=b"\0" * max(size, 0))

    def truncate(self, size=None):
        return self._try(self.file.truncate, size)

    def flush(self):
        self._try(self.file.flush)
