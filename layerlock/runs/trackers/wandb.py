"""Logs to Weights & Biases."""

import os
import uuid
from pathlib import Path

from layerlock.data.names import readable
from layerlock.runs.trackers.base import Tracker


class WeightsAndBiases(Tracker):
    """Logs to the project `layerlock`, or to `WANDB_PROJECT`.

    With `WANDB_MODE=offline` all logs stay in the folder `wandb` of the run
    directory. The step is a separate metric, because W&B rejects steps before
    the latest one. Repeated steps of a resumed run appear twice.
    """

    library = "wandb"
    extra = "wandb"

    def start(self, folder, configuration, record=None, first_step=None):
        import wandb

        self._step = first_step or 0
        record = record or uuid.uuid4().hex[:12]
        folder = Path(folder)
        try:
            self._run = wandb.init(
                project=os.environ.get("WANDB_PROJECT", "layerlock"),
                name=readable(folder.name),
                id=record,
                resume="allow",
                dir=str(folder),
                config=configuration,
                allow_val_change=True,
            )
        except wandb.Error as error:
            raise ValueError(
                f"Weights & Biases could not open a record: {error}. Log in "
                "with `wandb login`, or set WANDB_MODE=offline."
            ) from error
        self._run.define_metric("step", hidden=True)
        self._run.define_metric("*", step_metric="step")
        return record

    def log_scalars(self, scalars, step):
        self._step = step
        self._run.log({**scalars, "step": step})

    def log_event(self, kind, text, step):
        self._run.log({f"events/{kind}": text, "step": step})

    def attach_report(self, path):
        import wandb

        html = wandb.Html(str(path))
        self._run.log({"report": html, "step": self._step})

    def close(self, status=0):
        self._run.finish(exit_code=status)
