"""The training step's caches follow what Keras does to a model."""

import keras
import pytest

if keras.backend.backend() != "torch":
    pytest.skip("steps run eagerly on PyTorch", allow_module_level=True)

from tests.core.freezing import dropped_gradients as freezing


def test_metrics_are_those_of_the_newest_compile():
    model = freezing.build_model()
    model.compile(keras.optimizers.AdamW(1e-3))
    model.fit(freezing.clips(2), batch_size=freezing.BATCH_SIZE, verbose=0)
    trained = model.get_metrics_result()["loss"]

    model.compile(keras.optimizers.AdamW(1e-3))
    assert model.get_metrics_result()["loss"] != trained
    loss = model.evaluate(
        freezing.clips(1, seed=5), batch_size=freezing.BATCH_SIZE, verbose=0
    )

    [tracker] = model.metrics
    assert loss == pytest.approx(float(tracker.result()))
