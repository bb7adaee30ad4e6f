"""The training step's caches follow what Keras does to a model."""

import keras
import pytest

if keras.backend.backend() != "torch":
    pytest.skip("steps run eagerly on PyTorch", allow_module_level=True)

from layerlock.backends.contract import ProcessLost
from layerlock.backends.torch.distribution import processes
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


@pytest.mark.parametrize(
    "sentence, expected",
    [
        ("[gloo/transport/tcp/pair.cc:534] Connection closed", ProcessLost),
        ("a mistake of a callback", RuntimeError),
    ],
)
def test_a_process_that_ends_during_a_callback_is_named(
    sentence, expected, monkeypatch
):
    class Measure(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise RuntimeError(sentence)

    model = freezing.build_model()
    model.compile(keras.optimizers.AdamW(1e-3))
    monkeypatch.setattr(processes, "process_count", lambda: 2)

    with pytest.raises(RuntimeError) as caught:
        model.fit(
            freezing.clips(1),
            batch_size=freezing.BATCH_SIZE,
            verbose=0,
            callbacks=[Measure()],
        )

    assert caught.type is expected
