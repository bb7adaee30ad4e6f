"""A run that ends between two log lines goes on bit for bit."""

import pathlib
import signal

import h5py
import numpy as np
import pytest

import layerlock
from layerlock.core.tensor_logs import TensorLogs
from layerlock.jobs.job import JobError
from layerlock.runs import checkpoints
from tests.recipes.conftest import small as small

pytest.importorskip("grain")
pytestmark = pytest.mark.slow


def weights(run_dir):
    newest = checkpoints.find(pathlib.Path(run_dir) / "checkpoints")[0]
    found = {}

    def keep(name, item):
        if isinstance(item, h5py.Dataset):
            found[name] = item[()]

    with h5py.File(newest / "model.weights.h5") as file:
        file.visititems(keep)
    return found


@pytest.mark.parametrize(
    ("together", "batch", "step"), [(1, 7, 7), (5, 10, 10)], ids=["1", "5"]
)
def test_losses_that_no_line_has_yet_are_not_lost(
    monkeypatch, tmp_path, small, together, batch, step
):
    options = {
        "init_from": small[0].removeprefix("--init_from="),
        "steps": 15,
        "batch_size": 2,
        "log_every": 5,
        "monitor_every": 5,
        "checkpoint_every": 15,
        "schedule": "piecewise",
        "schedule_args": "events=[(5,1),(10,2)]",
        "steps_per_execution": together,
        "track": (),
    }
    whole = layerlock.pretrain(run_dir=tmp_path / "whole", **options)
    original = TensorLogs.on_train_batch_end

    def interrupt(self, number, logs=None):
        if number + 1 == batch:
            signal.raise_signal(signal.SIGTERM)
        original(self, number, logs)

    with monkeypatch.context() as patch:
        patch.setattr(TensorLogs, "on_train_batch_end", interrupt)
        with pytest.raises(JobError, match=f"SIGTERM at step {step}"):
            layerlock.pretrain(run_dir=tmp_path / "cut", **options)
    cut = layerlock.pretrain(run_dir=tmp_path / "cut", resume=True)

    keys = ("step", "loss", "frozen_layers", "feature_std", "grad_norm")
    assert [[line[key] for key in keys] for line in cut.metrics] == [
        [line[key] for key in keys] for line in whole.metrics
    ]
    found, expected = weights(cut.path), weights(whole.path)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert np.array_equal(found[name], value), name
