"""Trackers of a run learn how it ended."""

import signal

import pytest

import layerlock
from layerlock.jobs import pretrain
from layerlock.jobs.job import JobError
from layerlock.runs import trackers
from layerlock.runs.trackers.base import Tracker
from tests.recipes.conftest import small as small

pytest.importorskip("grain")


class Memory(Tracker):
    """Keeps the statuses with which it is closed."""

    library, extra = "json", "json"
    closed = ()

    def start(self, folder, configuration, record=None, first_step=None):
        return "record"

    def log_scalars(self, scalars, step):
        pass

    def log_event(self, kind, text, step):
        pass

    def attach_report(self, path):
        pass

    def close(self, status=0):
        self.closed = (*self.closed, status)


@pytest.fixture
def memory(monkeypatch):
    """A tracker of a run without one."""
    memory = Memory()
    monkeypatch.setattr(
        pretrain,
        "_start_trackers",
        lambda *arguments: trackers.Trackers({"memory": memory}),
    )
    return memory


@pytest.fixture
def train(small, tmp_path):
    """Trains a small encoder for two steps."""

    def train():
        layerlock.pretrain(
            init_from=small[0].removeprefix("--init_from="),
            run_dir=tmp_path / "run",
            steps=2,
            batch_size=2,
            log_every=1,
            track=(),
        )

    return train


def test_a_run_to_the_last_step_is_complete(train, memory):
    train()

    assert memory.closed == (0,)


@pytest.mark.parametrize(
    "number, status", [(None, 1), (signal.SIGTERM, 128 + signal.SIGTERM)]
)
def test_a_run_that_ends_early_is_not(
    train, memory, monkeypatch, number, status
):
    def fit(config, run, model, source, parts, interruption):
        interruption.signal = number
        return "The run ended."

    monkeypatch.setattr(pretrain, "fit", fit)

    with pytest.raises(JobError, match="The run ended"):
        train()

    assert memory.closed == (status,)


def test_an_error_that_nobody_expects_closes_them(train, memory, monkeypatch):
    def fit(*arguments):
        raise RuntimeError("a bug")

    monkeypatch.setattr(pretrain, "fit", fit)

    with pytest.raises(RuntimeError, match="a bug"):
        train()

    assert memory.closed == (1,)
