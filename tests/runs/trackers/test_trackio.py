import pytest

from layerlock.runs.trackers.trackio import Trackio
from tests.runs.offline import offline, trackio_folder  # noqa: F401


@pytest.fixture
def storage(offline):  # noqa: F811
    """Reads what was logged; imported once the folder is set."""
    pytest.importorskip("trackio")
    from trackio import sqlite_storage

    return sqlite_storage.SQLiteStorage


def test_what_is_logged_is_in_the_folder(offline, storage):  # noqa: F811
    (offline / "report.html").write_text("<p>report</p>")
    tracker = Trackio()

    record = tracker.start(offline, {"flags": {"batch_size": 4}})
    tracker.log_scalars({"learning/loss": 0.5}, step=10)
    tracker.log_event("freeze", "Frozen layers: 1.", step=10)
    tracker.attach_report(offline / "report.html")
    tracker.close()

    loss, event, report = storage.get_logs("layerlock", record)
    assert (loss["learning/loss"], loss["step"]) == (0.5, 10)
    assert event["events/freeze"] == "Frozen layers: 1."
    assert report["report"]["file_path"].endswith(".html")
    config = storage.get_run_config("layerlock", record)
    assert config["flags"] == {"batch_size": 4}


def test_a_resume_goes_on_in_the_same_record(offline, storage):  # noqa: F811
    first = Trackio()
    record = first.start(offline, {})
    first.log_scalars({"learning/loss": 1.0}, step=10)
    first.close()

    second = Trackio()
    assert second.start(offline, {}, record, first_step=11) == record
    second.log_scalars({"learning/loss": 0.5}, step=20)
    second.close()

    lines = storage.get_logs("layerlock", record)
    assert [line["step"] for line in lines] == [10, 20]
