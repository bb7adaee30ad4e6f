"""The mean that is updated in place is that of Keras, to the bit."""

import keras
import numpy as np
import pytest

if keras.backend.backend() != "torch":
    pytest.skip("it updates tensors of PyTorch", allow_module_level=True)

import torch

from layerlock.backends.torch import loss_tracker


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16])
def test_losses_are_averaged_as_by_keras(dtype):
    found, expected = keras.metrics.Mean(), keras.metrics.Mean()
    rng = np.random.default_rng(0)

    for _ in range(20):
        loss, rows = torch.tensor(rng.random(), dtype=dtype), rng.integers(1, 9)
        loss_tracker.track(found, loss, int(rows))
        expected.update_state(loss, sample_weight=int(rows))

    assert torch.equal(found.result(), expected.result())
    found.reset_state()
    assert float(found.result()) == 0.0


class Extremes(keras.metrics.Metric):
    """A metric of two results."""

    def update_state(self, *args, **kwargs):
        pass

    def result(self):
        return {"low": 0.0, "high": 1.0}


def test_results_are_those_that_keras_finds():
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile(loss="mse", metrics=["mae", Extremes()])
    model.train_on_batch(np.ones((2, 3)), np.ones((2, 1)))

    found = loss_tracker.results(model.metrics)

    assert found.keys() >= {"loss", "mae"}
    keras.tree.map_structure(
        lambda ours, theirs: np.testing.assert_equal(
            float(ours), float(theirs)
        ),
        found,
        model.get_metrics_result(),
    )
