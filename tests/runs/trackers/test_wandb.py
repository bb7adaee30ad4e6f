import pytest

from layerlock.runs.trackers.wandb import WeightsAndBiases
from tests.runs.offline import offline, trackio_folder  # noqa: F401

pytest.importorskip("wandb")


def records(folder):
    """The offline records, as bytes: the text in them is not compressed."""
    files = sorted((folder / "wandb").glob("offline-run-*/*.wandb"))
    return {file: b"".join(pieces(file.read_bytes())) for file in files}


def pieces(log, block=2**15):
    """The data of a LevelDB log, whose records go across its blocks."""
    place = 7  # bytes of W&B's own header
    while place < len(log):
        if block - place % block < 7:  # too few for a header: padding
            place += block - place % block
            continue
        size = int.from_bytes(log[place + 4 : place + 6], "little")
        yield log[place + 7 : place + 7 + size]
        place += 7 + size


def test_what_is_logged_is_in_the_offline_record(offline):  # noqa: F811
    (offline / "report.html").write_text("<p>report</p>")
    tracker = WeightsAndBiases()

    record = tracker.start(offline, {"flags": {"batch_size": 4321}})
    tracker.log_scalars({"learning/loss": 0.515625}, step=6543)
    tracker.log_event("freeze", "Frozen layers: 1.", step=6543)
    tracker.attach_report(offline / "report.html")
    tracker.close()

    [(file, content)] = records(offline).items()
    assert file.name == f"run-{record}.wandb"
    for text in ("4321", "learning/loss", "0.515625", "6543", "events/freeze"):
        assert text.encode() in content, text
    [report] = file.parent.rglob("report*.html")
    assert "<p>report</p>" in report.read_text()


def test_a_resume_goes_on_in_the_same_record(offline):  # noqa: F811
    first = WeightsAndBiases()
    record = first.start(offline, {})
    first.log_scalars({"learning/loss": 1.0}, step=10)
    first.close()

    second = WeightsAndBiases()
    assert second.start(offline, {}, record, first_step=6) == record
    second.log_scalars({"learning/loss": 0.25}, step=6)
    second.close()

    files = records(offline)
    assert {file.name for file in files} == {f"run-{record}.wandb"}
    assert any(b"0.25" in content for content in files.values())


def test_a_record_is_read_across_blocks(offline):  # noqa: F811
    tracker = WeightsAndBiases()
    tracker.start(offline, {})
    for step in range(2000):
        tracker.log_scalars({"loss": step + 0.0625}, step)
    tracker.close()

    [content] = records(offline).values()
    assert len(content) > 2**16
    assert all(b"%d.0625" % step in content for step in range(2000))
