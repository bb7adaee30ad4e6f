import time

import pytest

from layerlock.runs.trackers.wandb import WeightsAndBiases
from tests.runs.offline import offline, trackio_folder  # noqa: F401

pytest.importorskip("wandb")


def records(folder, *texts):
    """The offline records, as bytes: the text in them is not compressed.

    W&B's own process writes them, and may be late on a busy machine.
    """
    deadline = time.monotonic() + 60
    while True:
        files = sorted((folder / "wandb").glob("offline-run-*/*.wandb"))
        contents = {file: file.read_bytes() for file in files}
        joined = b"".join(contents.values())
        if all(text.encode() in joined for text in texts):
            return contents
        assert time.monotonic() < deadline, [len(c) for c in contents.values()]
        time.sleep(0.1)


def test_what_is_logged_is_in_the_offline_record(offline):  # noqa: F811
    (offline / "report.html").write_text("<p>report</p>")
    tracker = WeightsAndBiases()

    record = tracker.start(offline, {"flags": {"batch_size": 4321}})
    tracker.log_scalars({"learning/loss": 0.515625}, step=6543)
    tracker.log_event("freeze", "Frozen layers: 1.", step=6543)
    tracker.attach_report(offline / "report.html")
    tracker.close()

    texts = ("4321", "learning/loss", "0.515625", "6543", "events/freeze")
    [file] = records(offline, *texts)
    assert file.name == f"run-{record}.wandb"
    [report] = file.parent.rglob("report*.html")
    assert "<p>report</p>" in report.read_text()


class Finished:
    """The run of W&B, of which only the end counts."""

    def finish(self, exit_code=None):
        self.exit_code = exit_code


@pytest.mark.parametrize("status", [0, 1, 143])
def test_the_record_has_the_status_of_the_run(status):
    tracker = WeightsAndBiases()
    tracker._run = run = Finished()

    tracker.close(status)

    assert run.exit_code == status


def test_a_resume_goes_on_in_the_same_record(offline):  # noqa: F811
    first = WeightsAndBiases()
    record = first.start(offline, {})
    first.log_scalars({"learning/loss": 1.0}, step=10)
    first.close()

    second = WeightsAndBiases()
    assert second.start(offline, {}, record, first_step=6) == record
    second.log_scalars({"learning/loss": 0.25}, step=6)
    second.close()

    files = records(offline, "0.25")
    assert {file.name for file in files} == {f"run-{record}.wandb"}
