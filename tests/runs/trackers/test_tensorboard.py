import pytest

from layerlock.runs.trackers.tensorboard import TensorBoard

tensorboard_x = pytest.importorskip("tensorboardX")


class Recorder:
    def __init__(self, path, purge_step):
        self.path, self.purge_step = path, purge_step
        self.scalars, self.texts = [], []

    def add_scalar(self, *scalar):
        self.scalars.append(scalar)

    def add_text(self, *text):
        self.texts.append(text)


@pytest.fixture
def recorder(monkeypatch):
    monkeypatch.setattr(tensorboard_x, "SummaryWriter", Recorder)


def started(first_step=None):
    tracker = TensorBoard()
    tracker.start("unused", {"flags": {}}, first_step=first_step)
    return tracker


def test_scalars_are_written_at_their_step(recorder):
    tracker = started(first_step=21)

    tracker.log_scalars({"learning/loss": 0.5, "cost/flops": 7.0}, 30)

    assert tracker._writer.scalars == [
        ("learning/loss", 0.5, 30),
        ("cost/flops", 7.0, 30),
    ]


def test_an_event_is_a_text_at_its_step(recorder):
    tracker = started(first_step=21)

    tracker.log_event("freeze", "Frozen layers: 1.", 30)

    assert tracker._writer.texts == [("events/freeze", "Frozen layers: 1.", 30)]


def test_a_resume_purges_what_was_written_ahead(recorder):
    assert started(first_step=21)._writer.purge_step == 21


def test_the_configuration_is_written_once(recorder):
    [(name, text, step)] = started()._writer.texts

    assert (name, step) == ("configuration", 0)
    assert '"flags"' in text
    assert started(first_step=21)._writer.texts == []


def test_event_files_are_written(tmp_path):
    tracker = TensorBoard()
    tracker.start(tmp_path, {})

    tracker.log_scalars({"learning/loss": 0.5}, 1)
    tracker.close()

    (file,) = (tmp_path / "tensorboard").glob("events.*")
    assert b"learning/loss" in file.read_bytes()
