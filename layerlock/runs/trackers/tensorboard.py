"""Writes event files for TensorBoard, with tensorboardX."""

import importlib
import json
import sys
from pathlib import Path

from layerlock.data.names import readable
from layerlock.runs.trackers.base import Tracker

FOLDER = "tensorboard"


class TensorBoard(Tracker):
    """Writes into the folder `tensorboard` of the run directory.

    A resume purges logs of later steps. Events, the configuration and the path
    of the report are texts.
    """

    library = "tensorboardX"
    extra = "report"

    def start(self, folder, configuration, record=None, first_step=None):
        tensorboardX = _import_library()
        self._writer = tensorboardX.SummaryWriter(
            str(Path(folder) / FOLDER), purge_step=first_step
        )
        if first_step is None:
            text = json.dumps(configuration, indent=2, default=str)
            self._writer.add_text("configuration", f"```\n{text}\n```", 0)
        return FOLDER

    def log_scalars(self, scalars, step):
        for name, value in scalars.items():
            self._writer.add_scalar(name, value, step)

    def log_event(self, kind, text, step):
        self._writer.add_text(f"events/{kind}", text, step)

    def attach_report(self, path):
        # HTML is not shown.
        self._writer.add_text("report", readable(path), 0)

    def close(self, status=0):
        self._writer.close()


def _import_library():
    """tensorboardX, without PyTorch on another backend.

    Where PyTorch is installed, tensorboardX imports it for tensors of
    PyTorch, of which a run logs none.
    """
    hidden = "torch" not in sys.modules
    if hidden:
        sys.modules["torch"] = None
    try:
        return importlib.import_module("tensorboardX")
    finally:
        if hidden:
            del sys.modules["torch"]
