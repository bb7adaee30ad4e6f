"""The abstract class of all formats that an encoder is exported to."""

import abc
import dataclasses
import importlib.util
import pathlib
from typing import Any

from keras import ops

from layerlock import backends

STUDENT = "student"  # folder of the trained encoder, beside its average


@dataclasses.dataclass(frozen=True)
class Networks:
    """What is exported.

    Args:
        encoder: the `VideoEncoder` that is to be used, in float32.
        student: the encoder that was trained, where `encoder` is its moving
            average; else `None`.
        predictor: a `LatentPredictor`, or `None`.
        readout: a `Readout` with its layer, or `None`.
    """

    encoder: Any
    student: Any = None
    predictor: Any = None
    readout: Any = None


class Export(abc.ABC):
    """A format: how an encoder is written, and computed by another program.

    A format is one file of this folder, found by its name.

    Attributes:
        needs: tuple of str, packages to write and to check an export.
        extras: str, the extras of LayerLock that install them.
        runtime: str, the program that the export is for.
        suffix: str, of the file, such as `".onnx"`; empty for a folder.
        is_program: bool, whether the export computes chosen layers of clips
            of one type, and is not weights for all of them.
        library: str, how the Hugging Face Hub calls the runtime.
        holds: tuple of str, the `Networks` that are written beside the
            encoder, or of which `write` returns why they are not.
    """

    needs: tuple = ()
    extras = "export"
    runtime = "LayerLock"
    suffix = ""
    is_program = False
    library = "keras"
    holds: tuple = ()

    @abc.abstractmethod
    def write(
        self, networks: Networks, path: pathlib.Path, layers: list, dtype: str
    ) -> list[str]:
        """Writes an encoder to a new path.

        Args:
            networks: the encoder, and what a format may have beside it.
            path: of the file, in a folder that exists, or of the new folder.
            layers: list of names of layers; a format of weights has all.
            dtype: str, of the clips of a program: `"uint8"` or `"float32"`.

        Returns:
            What a user should know, a sentence each.
        """

    @abc.abstractmethod
    def features(self, path: pathlib.Path, clips, layers: list) -> dict:
        """Computes features by the runtime that the export is for.

        Args:
            path: of the export.
            clips: NumPy array `(batch, frames, height, width, 3)` of the type
                that was exported.
            layers: list of names of layers.

        Returns:
            dict from name to NumPy array, of shape
            `(batch, frames, rows, columns, hidden_dim)`, or with one axis of
            tokens.
        """

    @abc.abstractmethod
    def usage(self, name: str, encoder, layers: list) -> str:
        """Python code that loads the export, for its card.

        Args:
            name: str, of the file or folder.
            encoder: the `VideoEncoder`.
            layers: as for `write`.
        """

    def free_axes(self, encoder) -> tuple:
        """The axes along which clips may have another size than the encoder's.

        Args:
            encoder: a `VideoEncoder`.

        Returns:
            Some of 0, 1 and 2: frames, rows and columns.
        """
        return (0, 1, 2)

    def check_installed(self):
        """Raises `ImportError` if a package is missing."""
        missing = [
            name for name in self.needs if not importlib.util.find_spec(name)
        ]
        if missing:
            raise ImportError(
                f"An export for {self.runtime} needs {', '.join(missing)}. "
                f'Install: pip install "layerlock[{self.extras}]"'
            )


def keras_features(encoder, clips, layers: list) -> dict:
    """Computes features by the encoder itself, as NumPy arrays.

    Args:
        encoder: a `VideoEncoder`.
        clips: NumPy array `(batch, frames, height, width, 3)`.
        layers: list of names of layers.
    """
    compute = backends.compiled(
        encoder, lambda clips: encoder.features(clips, layers)
    )
    return {k: ops.convert_to_numpy(v) for k, v in compute(clips).items()}
