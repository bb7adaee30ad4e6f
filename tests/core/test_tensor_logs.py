"""Training does not wait for the device after every batch."""

import keras
import numpy as np
import pytest

import layerlock
from layerlock.core.tensor_logs import TensorLogs
from tests import host_waits
from tests.core.freezing import dropped_gradients as freezing
from tests.marks import thorough_on
from tests.recipes.conftest import small as small

pytest.importorskip("grain")


class Keep(keras.callbacks.Callback):
    """Keeps the loss of every batch as `fit` hands it on."""

    takes_tensors = True

    def __init__(self):
        super().__init__()
        self.losses = []

    def on_train_batch_end(self, batch, logs=None):
        self.losses.append(logs["batch_loss"])


def fit(callbacks, verbose=0):
    model = freezing.build_model()
    model.compile("sgd")
    history = model.fit(
        freezing.clips(3),
        batch_size=freezing.BATCH_SIZE,
        verbose=verbose,
        callbacks=callbacks,
    )
    return history.history


def test_callbacks_that_take_tensors_get_them():
    keep = Keep()

    history = fit([keep])

    assert all(map(keras.ops.is_tensor, keep.losses))
    assert history["batch_loss"] == [float(keep.losses[-1])]
    assert history["loss"] == pytest.approx([np.mean(keep.losses)])


@thorough_on("tensorflow")
@pytest.mark.parametrize(
    ("others", "verbose"), [([keras.callbacks.LambdaCallback()], 0), ([], 2)]
)
def test_all_get_floats_if_one_needs_them(others, verbose):
    keep = Keep()

    fit([keep, *others], verbose)

    assert all(isinstance(loss, float) for loss in keep.losses)


def test_a_run_waits_only_where_it_reads(monkeypatch, tmp_path, small):
    between, steps, log_every, event = [], 20, 5, 12
    original = TensorLogs.on_train_batch_end

    with host_waits.counted(monkeypatch) as waits:

        def after(self, batch, logs=None):
            original(self, batch, logs)
            between.append(list(waits.places))
            waits.places.clear()

        monkeypatch.setattr(TensorLogs, "on_train_batch_end", after)
        layerlock.pretrain(
            init_from=small[0].removeprefix("--init_from="),
            run_dir=tmp_path / "run",
            steps=steps,
            batch_size=2,
            log_every=log_every,
            monitor_every=10,
            checkpoint_every=10,
            schedule="piecewise",
            schedule_args={"events": [(event, 1)]},
            track=(),
        )

    reads = {1, event, event + 1, *range(log_every, steps + 1, log_every)}
    found = {
        number + 1: places
        for number, places in enumerate(between)
        if places and number + 1 not in reads
    }
    assert len(between) == steps
    assert all(between[step - 1] for step in (log_every, steps))
    assert found == {}
