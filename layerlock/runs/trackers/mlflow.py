"""Logs to MLflow."""

import os
import time
from pathlib import Path

from layerlock.data.names import readable
from layerlock.runs.trackers.base import Tracker


class MLflow(Tracker):
    """Logs to the server or the database of `MLFLOW_TRACKING_URI`.

    The default is MLflow's own. The experiment is `layerlock`, or
    `MLFLOW_EXPERIMENT_NAME`. Options become parameters, events become tags.
    MLflow cannot remove logs: repeated steps of a resumed run appear twice.
    """

    library = "mlflow"
    extra = "mlflow"

    def start(self, folder, configuration, record=None, first_step=None):
        from mlflow.exceptions import MlflowException
        from mlflow.tracking import MlflowClient

        try:
            self._client = MlflowClient()
            if record is None:
                self._record = self._create(readable(Path(folder).name))
                self._attach(configuration)
            else:
                self._record = record
                self._client.update_run(record, status="RUNNING")
        except MlflowException as error:
            raise ValueError(
                f"MLflow could not open a record: {error}. Set "
                "MLFLOW_TRACKING_URI, such as sqlite:///mlflow.db, to the "
                "store of the run. "
                f"Received: record={record!r}, "
                f"MLFLOW_TRACKING_URI={os.environ.get('MLFLOW_TRACKING_URI')}."
            ) from error
        return self._record

    def log_scalars(self, scalars, step):
        from mlflow.entities import Metric

        now = int(time.time() * 1000)  # milliseconds
        self._client.log_batch(
            self._record,
            metrics=[
                Metric(n, value, now, step) for n, value in scalars.items()
            ],
        )

    def log_event(self, kind, text, step):
        # MLflow has no text for a step.
        self._client.set_tag(self._record, f"{kind} at step {step}", text)

    def attach_report(self, path):
        self._client.log_artifact(self._record, str(path))

    def close(self, status=0):
        self._client.set_terminated(self._record, _status(status))

    def _create(self, name):
        title = os.environ.get("MLFLOW_EXPERIMENT_NAME", "layerlock")
        experiment = self._client.get_experiment_by_name(title)
        if experiment is None:
            number = self._client.create_experiment(title)
        else:
            number = experiment.experiment_id
        return self._client.create_run(number, run_name=name).info.run_id

    def _attach(self, configuration):
        from mlflow.entities import Param

        flags = configuration.get("flags", {})
        # A parameter has 6000 characters at most, a batch 100 parameters.
        params = [Param(key, str(value)[:6000]) for key, value in flags.items()]
        for begin in range(0, len(params), 100):
            self._client.log_batch(
                self._record, params=params[begin : begin + 100]
            )
        self._client.log_dict(self._record, configuration, "config.json")


def _status(exit_status: int) -> str:
    """What MLflow calls the end of a run.

    >>> _status(0), _status(1), _status(143)
    ('FINISHED', 'FAILED', 'KILLED')
    """
    if exit_status == 0:
        return "FINISHED"
    return "FAILED" if exit_status < 128 else "KILLED"
