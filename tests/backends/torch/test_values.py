"""Values of variables are those that Keras gives in the same scopes."""

import contextlib

import keras
import pytest

if keras.backend.backend() != "torch":
    pytest.skip("variables hold tensors of PyTorch", allow_module_level=True)

import torch

from layerlock.backends.torch.values import autocast_values, values


class Scaled(keras.layers.Layer):
    """Reads weights of three kinds in its `call`."""

    def build(self, input_shape):
        self.weight = self.add_weight(shape=(2,), initializer="ones")
        self.precise = self.add_weight(shape=(2,), autocast=False)
        self.count = self.add_weight(shape=(), dtype="int32", trainable=False)

    def call(self, x):
        self.seen = []
        for variable in (self.weight, self.precise, self.count):
            found = autocast_values([variable])[0]
            assert torch.equal(found, variable.value)
            assert found.dtype == variable.value.dtype
            self.seen.append(found.dtype)
        return x


@pytest.mark.parametrize(
    "policy, expected",
    [
        ("float32", [torch.float32, torch.float32, torch.int32]),
        ("mixed_bfloat16", [torch.bfloat16, torch.float32, torch.int32]),
        ("bfloat16", [torch.bfloat16, torch.bfloat16, torch.int32]),
    ],
)
def test_a_layer_reads_weights_in_its_precision(policy, expected):
    layer = Scaled(dtype=policy)

    layer(torch.ones(2))

    assert layer.seen == expected


def test_gradients_reach_a_weight_that_is_read_in_another_precision():
    class Product(Scaled):
        def call(self, x):
            return x * autocast_values([self.weight])[0]

    layer = Product(dtype="mixed_bfloat16")
    layer(torch.full((2,), 3.0)).sum().backward()

    assert layer.weight.value.grad.tolist() == [3.0, 3.0]


def test_a_stateless_scope_replaces_a_value():
    variable = keras.Variable(torch.zeros(2))
    other = torch.ones(2)

    with keras.StatelessScope(state_mapping=[(variable, other)]):
        assert torch.equal(autocast_values([variable])[0], other)
    assert torch.equal(autocast_values([variable])[0], torch.zeros(2))


@pytest.mark.parametrize("device, found", [("meta", "meta"), (None, "cpu")])
def test_a_scope_of_shapes_has_no_values(device, found):
    if torch.cuda.is_available():
        pytest.skip("the variable would be on the GPU")
    variable = keras.Variable(torch.zeros(2))
    scope = keras.device(device) if device else contextlib.nullcontext()

    with scope:
        assert autocast_values([variable])[0].device.type == found


def test_values_are_those_that_variables_keep():
    variables = [keras.Variable(torch.ones(n)) for n in (1, 2)]

    found = values(variables)

    assert all(x is v.value for x, v in zip(found, variables, strict=True))
