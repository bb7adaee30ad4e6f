"""Several steps as one program are the same steps, one after another."""

import keras
import numpy as np
import pytest

if keras.backend.backend() != "jax":
    pytest.skip("the programs are JAX's", allow_module_level=True)

import jax.numpy as jnp

from layerlock import backends
from layerlock.backends import keras_internals
from layerlock.backends.jax import executions


def train_step(state, batch):
    state = 0.5 * state + batch.sum()
    return {"batch_loss": state**2, "batch": batch[0]}, state


def batches(count):
    rng = np.random.default_rng(0)
    return [jnp.asarray(rng.normal(size=3)) for _ in range(count)]


@pytest.mark.parametrize("run", [executions.run, executions.run_eagerly])
@pytest.mark.parametrize("is_stacked", [False, True])
def test_an_execution_equals_its_steps(run, is_stacked):
    data = batches(4)
    expected, losses = jnp.asarray(1.0), []
    for batch in data:
        logs, expected = train_step(expected, batch)
        losses.append(logs["batch_loss"])
    if is_stacked:
        data = executions.Stacked(jnp.stack(data))

    found, state = run(train_step, jnp.asarray(1.0), data)

    np.testing.assert_allclose(state, expected, rtol=1e-6)
    np.testing.assert_allclose(found["batch_losses"], losses, rtol=1e-6)
    assert found["batch"] == logs["batch"]  # the logs are of the last step


def test_one_batch_is_one_step():
    [batch] = batches(1)

    logs, _ = executions.run(train_step, jnp.asarray(1.0), batch)

    assert "batch_losses" not in logs


@pytest.mark.skipif(
    keras_internals.scans_steps(), reason="Keras 3.16 stacks the batches"
)
def test_the_end_of_an_epoch_cuts_an_execution_short():
    iterator = iter(batches(5))

    lengths = [len(executions.take(iterator, 3)) for _ in range(2)]

    assert lengths == [3, 2]


class Regression(backends.TrainStep, keras.Model):
    """One linear map."""

    def __init__(self):
        super().__init__()
        self.map = keras.layers.Dense(1)

    def call(self, x):
        return self.map(x)

    def step_logs(self, loss, outputs, gradients, loss_scale):
        return {"batch_loss": loss}

    def after_update(self):
        pass


@pytest.mark.parametrize("stacks", [False, True], ids=["3.15", "3.16"])
def test_a_batch_with_as_many_examples_as_steps_is_one_batch(
    monkeypatch, stacks
):
    monkeypatch.setattr(keras_internals, "scans_steps", lambda: stacks)
    model = Regression()
    model.compile("sgd", "mse", steps_per_execution=4, run_eagerly=True)

    model.train_on_batch(np.ones((4, 3)), np.ones((4, 1)))

    assert int(model.optimizer.iterations) == 1
    assert model.batch_losses.shape == (1,)


def test_the_stack_at_the_end_of_an_epoch_may_be_shorter(monkeypatch):
    monkeypatch.setattr(keras_internals, "scans_steps", lambda: True)
    stack = jnp.stack(batches(2))

    data = executions.take(iter([stack]), 3)

    logs, _ = executions.run(train_step, jnp.asarray(1.0), data)
    assert logs["batch_losses"].shape == (2,)
