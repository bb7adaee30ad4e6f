"""Probes that start from a readout that was stored with an encoder."""

import os

import numpy as np
from keras import ops

from layerlock.evaluation.outputs import Outputs
from layerlock.models import layer_files, stored_readout

_HEAD = ("head/kernel", "head/bias")


class Start:
    """A stored readout, from which a probe starts.

    Args:
        folder: of an import with a readout.
        kind: class of the readouts of the probe.

    Attributes:
        layer: str, name of the features that the readout was trained on.
        note: str, what became of its head; empty before `fill`.
    """

    def __init__(self, folder, kind):
        if not isinstance(folder, str | os.PathLike):
            raise ValueError(
                "`weights` must be the folder of an import with a readout. "
                f"Received: weights={folder!r}."
            )
        found = stored_readout.load(folder)
        if found is None:
            raise ValueError(
                f"{folder} has no readout ({stored_readout.CONFIG}). Leave "
                "`weights` out, or pass the folder of an import with one."
            )
        if found.kind is not kind:
            raise ValueError(
                f"The readout of {folder} is a {found.kind.__name__}. "
                f"Expected a {kind.__name__}. Use the other of the readouts "
                "'attentive' and 'vjepa2'."
            )
        self.layer = found.layer
        self.note = ""
        self._found = found
        self._folder = folder

    def check(self, width: int):
        """Raises unless the readout reads features of a width."""
        own = self._width()
        if width != own:
            raise ValueError(
                f"The readout of {self._folder} reads features {own} wide. "
                f"Received: features {width} wide. Leave `weights` out."
            )

    def build(self, outputs: Outputs):
        """Returns a new readout of the same sizes, for the outputs of a task.

        Args:
            outputs: `Outputs`.
        """
        config = self._found.network.get_config()
        if config["num_queries"] != outputs.num_queries:
            raise ValueError(
                f"The readout of {self._folder} has {config['num_queries']} "
                f"queries, and the task needs {outputs.num_queries}: one per "
                "block of pixels, or one for a class. Leave `weights` out, or "
                "use clips of the size that it was trained on."
            )
        own = {"output_dim": outputs.output_dim, "name": "readout"}
        return self._found.kind.from_config({**config, **own})

    def fill(self, layer, task, is_final=False):
        """Assigns the weights; sets `note`.

        Args:
            layer: the result of `build`, with weights.
            task: the `Task`.
            is_final: bool, whether nothing is trained afterwards. Defaults to
                `False`.

        Raises:
            ValueError: if sizes differ, or a new head would be final.
        """
        values = {
            path: ops.convert_to_numpy(variable)
            for path, variable in layer_files.variables(self._found.network)
        }
        columns, self.note = self._columns(task, layer.output_dim)
        if columns is None and is_final:
            raise ValueError(
                f"The readout of {self._folder} cannot be judged as it is. "
                f"{self.note} Received: steps=0. Pass steps to train the head, "
                "or a task with classes of these names."
            )
        for path, variable in layer_files.variables(layer):
            value = values[path]
            if path in _HEAD:
                if columns is None:
                    continue
                value = value[..., columns]
            if value.shape != tuple(variable.shape):
                raise ValueError(
                    f"{path} of the readout of {self._folder} has shape "
                    f"{value.shape}. Expected {tuple(variable.shape)}: the "
                    "clips have another number of frames. Leave `weights` out."
                )
            variable.assign(value)

    def _columns(self, task, output_dim: int):
        """Outputs of the stored head in the order of the task, or `None`."""
        stored = self._found.network.output_dim
        names = [_plain(name) for name in self._found.class_names]
        if task.is_dense:
            return None, "Its head is new: it predicts log depths."
        wanted = [_plain(name) for name in task.class_names]
        if names and set(wanted) <= set(names):
            return [names.index(name) for name in wanted], (
                f"Its head goes on: {len(wanted)} of its {stored} classes, by "
                "their names."
            )
        if not names and stored == output_dim:
            return np.arange(stored), (
                f"Its head goes on. It has {stored} classes, as the task has, "
                "and no names: they are taken to be in the same order."
            )
        return None, (
            f"Its head is new: it has {stored} classes, which are not those "
            "of the task."
        )

    def _width(self) -> int:
        return dict(layer_files.variables(self._found.network))[
            "input_norm_gamma"
        ].shape[0]


def _plain(name: str) -> str:
    """A name of a class, whatever its case and brackets."""
    return " ".join(name.lower().replace("[", "").replace("]", "").split())
