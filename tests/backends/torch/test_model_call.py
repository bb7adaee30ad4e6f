"""The short call of a model does what Keras's call does."""

import keras
import numpy as np
import pytest

if keras.backend.backend() != "torch":
    pytest.skip("steps run eagerly on PyTorch", allow_module_level=True)

import torch

from layerlock.backends.torch.model_call import call_model


class Inner(keras.layers.Layer):
    """Keeps whether it trains, and adds a loss."""

    def call(self, x, training=False):
        self.training_seen = training
        self.add_loss(keras.ops.mean(x))
        return x


class Model(keras.Model):
    """Counts the calls that Keras has prepared."""

    def __init__(self, **arguments):
        super().__init__(**arguments)
        self.inner = Inner(dtype=self.dtype_policy)
        self.dense = keras.layers.Dense(2, dtype=self.dtype_policy)
        self.batches_seen = self.add_weight(
            shape=(), dtype="int32", trainable=False, name="batches_seen"
        )
        self.prepared = 0

    def __call__(self, *arguments, **keywords):
        self.prepared += 1
        return super().__call__(*arguments, **keywords)

    def call(self, x, training=False):
        if keras.ops.max(x) > 254:
            raise RuntimeError("of the model")
        return self.dense(self.inner(keras.ops.cast(x, self.compute_dtype)))


def build(**arguments):
    model = Model(**arguments)
    model(clips(), training=False)
    model.prepared = 0
    return model


def clips(top=200):
    return torch.from_numpy(np.arange(6, dtype="uint8").reshape(2, 3) + top)


def test_the_numbers_are_those_of_keras():
    model = build()

    found = call_model(model, clips())

    assert model.prepared == 0
    assert torch.equal(found, model(clips(), training=True))


def test_layers_inside_know_that_they_train():
    model = build()
    assert model.inner.training_seen is False

    call_model(model, clips())

    assert model.inner.training_seen is True


def test_each_call_drops_the_losses_of_the_one_before():
    model = build()
    for _ in range(3):
        call_model(model, clips())

    assert len(model.losses) == 1
    assert model.prepared == 0


def test_an_error_leaves_no_trace():
    model = build()
    with pytest.raises(RuntimeError, match="of the model"):
        call_model(model, clips(250))

    model(clips())  # nothing says any more that it trains

    assert model.inner.training_seen is False


@pytest.mark.parametrize("convert", [torch.Tensor.float, torch.Tensor.numpy])
def test_keras_converts_what_has_to_be_converted(convert):
    model = build()

    found = call_model(model, convert(clips()))

    assert model.prepared == 1
    assert torch.equal(found, model(clips(), training=True))


def test_keras_takes_an_input_to_the_device_of_the_model():
    model = build()
    model.batches_seen._value = torch.zeros((), device="meta")

    call_model(model, clips())

    assert model.prepared == 1


def test_keras_calls_a_model_in_mixed_precision():
    model = build(dtype="mixed_bfloat16")

    assert call_model(model, clips()).dtype == torch.bfloat16
    assert model.prepared == 1


def test_hooks_of_a_model_run():
    model, seen = build(), []
    model.register_forward_hook(lambda *arguments: seen.append(1))

    call_model(model, clips())

    assert seen == [1]


def test_the_model_that_shares_gradients_is_called():
    model = build()
    called = []

    def replica(x, training):
        called.append(training)
        return model.call(x, training)

    object.__setattr__(model, "ddp_model", replica)
    call_model(model, clips())

    assert called == [True]
