"""All trackers of a run together."""

import pytest

from layerlock.core.freezing.schedules import PiecewiseFreezeSchedule
from layerlock.runs import trackers
from layerlock.runs.directory import RunDirectory
from layerlock.runs.trackers.base import Tracker
from layerlock.runs.trackers.tensorboard import TensorBoard
from tests.runs.training import Training


class Memory(Tracker):
    """Keeps what it is given."""

    library, extra = "json", "json"

    def __init__(self):
        self.scalars, self.events, self.closed = {}, [], []

    def start(self, folder, configuration, record=None, first_step=None):
        self.started = (folder, configuration, record, first_step)
        return record or "record-1"

    def log_scalars(self, scalars, step):
        self.scalars[step] = scalars

    def log_event(self, kind, text, step):
        self.events.append((kind, text, step))

    def attach_report(self, path):
        self.report = path

    def close(self, status=0):
        self.closed.append(status)


class Refused(Memory):
    """Cannot open its record."""

    def start(self, folder, configuration, record=None, first_step=None):
        raise ValueError("no record")


class Broken(Memory):
    """Fails when it is used, as a server that went away."""

    def log_scalars(self, scalars, step):
        raise ConnectionError("no route to host")


def test_an_unknown_tracker_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"Unknown Tracker 'neptune'.*wandb"):
        trackers.check(["neptune"])


def test_a_tracker_is_named_once():
    with pytest.raises(ValueError, match="List each tracker once"):
        trackers.check(["tensorboard", "tensorboard"])


def test_tensorboard_is_the_default_where_it_is_installed(monkeypatch):
    monkeypatch.setattr(TensorBoard, "library", "json")
    assert trackers.default_names() == ["tensorboard"]

    monkeypatch.setattr(TensorBoard, "library", "not_installed_anywhere")
    assert trackers.default_names() == []


def test_a_resume_gives_back_the_record_of_the_start(tmp_path, monkeypatch):
    monkeypatch.setattr(trackers, "find", lambda name: Memory)
    run = RunDirectory.create(tmp_path / "run", {"flags": {}})
    trackers.start(["memory"], run)

    resumed = trackers.start(["memory", "other"], run, first_step=11)

    memory, other = resumed.trackers.values()
    assert memory.started == (run.path, run.config, "record-1", 11)
    assert other.started == (run.path, run.config, None, 11)


def test_a_tracker_that_cannot_start_closes_the_others(tmp_path, monkeypatch):
    memory = Memory()
    found = {"memory": lambda: memory, "refused": Refused}
    monkeypatch.setattr(trackers, "find", found.get)
    run = RunDirectory.create(tmp_path / "run", {"flags": {}})

    with pytest.raises(ValueError, match="no record"):
        trackers.start(["memory", "refused"], run)

    assert memory.closed == [1]


def test_trackers_are_closed_once_with_the_status_of_the_run():
    memory = Memory()

    with trackers.Trackers({"m": memory}) as tracked:
        tracked.close(143)

    assert memory.closed == [143]


def test_an_error_closes_trackers_as_failed():
    memory = Memory()

    with pytest.raises(RuntimeError), trackers.Trackers({"m": memory}):
        raise RuntimeError

    assert memory.closed == [1]


def test_trackers_get_only_what_can_be_encoded(tmp_path, monkeypatch):
    monkeypatch.setattr(trackers, "find", lambda name: Memory)
    config = {"flags": {"data": "/vid\udce9os"}}
    run = RunDirectory.create(tmp_path / "run", config)

    started = trackers.start(["memory"], run)
    started.log_event("data", "caf\udce9.mp4", 1)

    [memory] = started.trackers.values()
    assert memory.started[1]["flags"]["data"] == r"/vid\xe9os"
    assert memory.events == [("data", r"caf\xe9.mp4", 1)]
    assert run.config["flags"] == config["flags"]


def test_a_tracker_that_fails_is_left_out_and_named(tmp_path):
    said, memory = [], Memory()
    both = trackers.Trackers({"b": Broken(), "m": memory}, said.append)

    both.log({"step": 10, "loss": 0.5})
    both.log({"step": 20, "loss": 0.25})

    assert list(memory.scalars) == [10, 20]
    [sentence] = said
    assert "tracker b failed" in sentence and "no route to host" in sentence


def test_lines_freezes_and_verdicts_are_tracked(tmp_path):
    memory = Memory()
    training = Training(
        tmp_path / "run",
        PiecewiseFreezeSchedule([(4, 1), (7, 2)]),
        steps=7,
        every=100,
        trackers=trackers.Trackers({"memory": memory}),
    )
    training.log.on_train_batch_end = verdict_at_6(training)

    training.fit(8)

    assert list(memory.scalars) == [2, 4, 6, 7]
    assert memory.scalars[7]["freezing/frozen_layers"] == 1.0
    assert memory.events == [
        ("freeze", "Frozen layers: 1.", 4),
        ("verdict", "collapsing. It does.", 6),
        ("verdict", "healthy. It is.", 7),
        ("freeze", "Frozen layers: 2.", 7),
    ]


def verdict_at_6(training):
    """The log's function, with verdicts of our own."""
    original = training.log.on_train_batch_end

    def on_train_batch_end(batch, logs=None):
        values = training.monitors.values
        bad = batch + 1 == 6
        values["verdict"] = "collapsing" if bad else "healthy"
        values["verdict_reason"] = "It does." if bad else "It is."
        original(batch, logs)

    return on_train_batch_end
