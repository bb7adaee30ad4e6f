import pathlib

import pytest

from layerlock.runs.trackers.mlflow import MLflow
from tests.runs.offline import offline, trackio_folder  # noqa: F401

pytest.importorskip("mlflow")
pytest.importorskip("sqlalchemy")
# They are between MLflow and its own dependencies.
pytestmark = pytest.mark.filterwarnings("default")


def losses(client, record):
    history = client.get_metric_history(record, "learning/loss")
    return sorted((metric.step, metric.value) for metric in history)


def test_what_is_logged_is_in_the_store(offline):  # noqa: F811
    from mlflow.tracking import MlflowClient

    (offline / "report.html").write_text("<p>report</p>")
    tracker = MLflow()

    record = tracker.start(offline, {"flags": {"batch_size": 4}})
    tracker.log_scalars({"learning/loss": 0.5}, step=10)
    tracker.log_event("freeze", "Frozen layers: 1.", step=10)
    tracker.attach_report(offline / "report.html")
    tracker.close()

    client = MlflowClient()
    run = client.get_run(record)
    assert run.info.run_name == "scenes"
    assert run.info.status == "FINISHED"
    assert run.data.params == {"batch_size": "4"}
    assert run.data.tags["freeze at step 10"] == "Frozen layers: 1."
    assert losses(client, record) == [(10, 0.5)]
    names = {file.path for file in client.list_artifacts(record)}
    assert names == {"config.json", "report.html"}


def test_a_resume_goes_on_in_the_same_record(offline):  # noqa: F811
    from mlflow.tracking import MlflowClient

    first = MLflow()
    record = first.start(offline, {"flags": {"workers": 0}})
    first.log_scalars({"learning/loss": 1.0}, step=10)

    second = MLflow()
    found = second.start(offline, {"flags": {"workers": 2}}, record, 11)
    second.log_scalars({"learning/loss": 0.5}, step=20)
    second.close()

    assert found == record
    assert losses(MlflowClient(), record) == [(10, 1.0), (20, 0.5)]


@pytest.mark.parametrize(
    "status, expected", [(0, "FINISHED"), (1, "FAILED"), (143, "KILLED")]
)
def test_the_record_has_the_status_of_the_run(offline, status, expected):  # noqa: F811
    from mlflow.tracking import MlflowClient

    tracker = MLflow()
    record = tracker.start(offline, {})
    tracker.close(status)

    assert MlflowClient().get_run(record).info.status == expected


def test_a_record_of_another_store_is_refused(offline):  # noqa: F811
    with pytest.raises(ValueError, match="Set MLFLOW_TRACKING_URI"):
        MLflow().start(offline, {}, record="0" * 32, first_step=11)
    assert pathlib.Path("mlflow.db").exists()
