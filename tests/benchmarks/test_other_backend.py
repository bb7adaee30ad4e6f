"""A `fit` in a process of its own trains when it is asked to."""

import io
import sys
import types

import pytest


@pytest.fixture
def other_backend(benchmarks):
    """The module."""
    import other_backend

    return other_backend


def test_each_line_has_as_many_steps_trained(
    other_backend, monkeypatch, capsys
):
    monkeypatch.setattr(sys, "stdin", io.StringIO("2\n3\n"))
    served = other_backend.Served()
    served.set_model(types.SimpleNamespace(stop_training=False))

    after = []
    for batch in range(10):
        served.on_train_batch_end(batch, {"batch_loss": 1.0})
        if other_backend._DONE in capsys.readouterr().out:
            after.append(batch + 1)
        if served.model.stop_training:
            break

    assert after == [1, 3, 6]  # the first batch compiles
    assert served.model.stop_training
