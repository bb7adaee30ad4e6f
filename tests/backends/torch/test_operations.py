"""PyTorch's own operations: the numbers of Keras, and modules with hooks."""

import keras
import pytest

if keras.backend.backend() != "torch":
    pytest.skip("the operations are PyTorch's", allow_module_level=True)

import numpy as np
import torch

import layerlock
from layerlock.backends import keras_ops
from layerlock.backends.torch import operations


@pytest.fixture
def encoder():
    return layerlock.VideoEncoder.from_preset("video_vit_nano", num_layers=2)


def run(encoder):
    rng = np.random.default_rng(0)
    tokens = keras.ops.convert_to_tensor(rng.normal(size=(1, 4, 96)), "float32")
    return encoder(tokens, encoder.token_positions((1, 2, 2))[None])


def forward_hook(module, seen):
    module.register_forward_hook(lambda *arguments: seen.append(module.name))


def backward_hook(module, seen):
    module.register_full_backward_hook(
        lambda *arguments: seen.append(module.name)
    )


@pytest.mark.parametrize("register", [forward_hook, backward_hook])
def test_hooks_of_a_block_are_called(encoder, register):
    seen = []
    expected = run(encoder)
    register(encoder.blocks[1], seen)

    found = run(encoder)
    found.sum().backward()

    assert np.array_equal(found.detach(), expected.detach())
    assert seen == [encoder.blocks[1].name]


def test_hooks_of_all_modules_are_called(encoder):
    seen = []
    handle = torch.nn.modules.module.register_module_forward_hook(
        lambda module, inputs, output: seen.append(module)
    )
    try:
        run(encoder)
    finally:
        handle.remove()

    assert set(encoder.blocks) <= set(seen)


def test_a_block_of_another_precision_keeps_it():
    encoder = layerlock.VideoEncoder.from_preset(
        "video_vit_nano", num_layers=2, dtype="mixed_bfloat16"
    )
    encoder.blocks[1].dtype_policy = "float32"
    assert run(encoder).dtype == torch.float32


def test_mixed_precision_is_that_of_the_encoder():
    encoder = layerlock.VideoEncoder.from_preset(
        "video_vit_nano", num_layers=2, dtype="mixed_bfloat16"
    )
    block, seen = encoder.blocks[0], []

    def call(tokens, rotation, original=block.call):
        seen.extend([tokens.dtype, block.qkv[0].value.dtype])
        return original(tokens, rotation)

    block.call = call
    run(encoder)

    assert seen == [torch.bfloat16] * 2


def test_a_layer_of_another_precision_than_the_caller_keeps_it():
    encoder = layerlock.VideoEncoder.from_preset(
        "video_vit_nano", num_layers=2, dtype="mixed_bfloat16"
    )
    rng = np.random.default_rng(0)
    tokens = torch.tensor(rng.normal(size=(1, 4, 96)), dtype=torch.bfloat16)
    positions = torch.tensor(encoder.token_positions((1, 2, 2))[None])

    found = operations.call_layer(encoder, tokens, positions)

    assert torch.equal(found, encoder(tokens, positions))


class Mode(keras.layers.Layer):
    def call(self, x, training=False):
        return x + 1 if training else x


class Caller(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.mode, self.dense = Mode(), keras.layers.Dense(3)

    def call(self, x):
        x = operations.call_layer(self.mode, x)
        return x, operations.call_layer(self.dense, x)


def test_a_layer_is_built_and_learns_whether_it_is_training():
    caller, x = Caller(), torch.zeros(2, 4)

    for training in (True, False, True):
        shifted, mapped = caller(x, training=training)

        assert torch.equal(shifted, x + training)
        assert mapped.shape == (2, 3)


def test_an_array_becomes_a_tensor(encoder):
    patches = np.ones((1, 4, encoder.patch_dim), "float32")

    found = operations.call_layer(encoder.patch_embedding, patches)

    assert torch.equal(found, encoder.patch_embedding(torch.tensor(patches)))


def tensors(*shapes, dtype="float32"):
    rng = np.random.default_rng(0)
    return [
        torch.tensor(rng.normal(size=shape), dtype=getattr(torch, dtype))
        for shape in shapes
    ]


@pytest.mark.parametrize(
    "name, arguments",
    [
        ("linear", tensors((5, 3), (3, 4), (4,))),
        ("gelu", tensors((5, 3))),
        ("layer_normalization", [*tensors((2, 5, 8), (8,), (8,)), 1e-6]),
        ("reshape", [*tensors((2, 6)), (3, 4)]),
        ("attention", [*tensors(*[(2, 5, 4, 6)] * 3), 0.3]),
    ],
)
def test_an_operation_has_the_numbers_of_keras(name, arguments):
    found = getattr(operations, name)(*arguments)
    expected = getattr(keras_ops, name)(*arguments)

    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_parts_have_the_sizes_that_are_asked_for():
    [x] = tensors((2, 9))

    parts = operations.split(x, (2, 3, 4), axis=1)

    assert [part.shape[1] for part in parts] == [2, 3, 4]
    assert torch.equal(torch.cat(parts, 1), x)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int32])
def test_a_norm_is_that_of_all_numbers_in_float32(dtype):
    x = [(100 * one).to(dtype) for one in tensors((2, 9), (4,), ())]
    exact = torch.cat([one.double().ravel() for one in x]).norm()

    for found in (operations.norm(x), keras_ops.norm(x)):
        assert found.dtype == torch.float32
        torch.testing.assert_close(found.double(), exact, rtol=1e-6, atol=0)


def test_norms_are_computed_in_float32_and_returned_in_bfloat16():
    # In bfloat16 a mean of 1000 would leave no digit of the deviations.
    x = (1000 + 8 * tensors((2, 64))[0]).to(torch.bfloat16)
    gamma, beta = torch.ones(64), torch.zeros(64)

    found = operations.layer_normalization(x, gamma, beta, 1e-6)

    exact = x.double()
    exact = (exact - exact.mean(1, keepdim=True)) / exact.std(
        1, keepdim=True, correction=0
    )
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.double(), exact, rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("dtypes", [["float32"] * 2, ["float32", "float16"]])
@pytest.mark.parametrize("kept", [0.3, torch.tensor(0.9)], ids=str)
def test_averages_move_as_with_the_operations_of_keras(dtypes, kept):
    rng = np.random.default_rng(0)
    variables = [keras.Variable(rng.normal(size=3), dtype=x) for x in dtypes]
    start = [rng.normal(size=3) for _ in dtypes]
    ours, theirs = (
        [keras.Variable(value, dtype="float32") for value in start]
        for _ in range(2)
    )

    operations.move_averages(ours, variables, kept)
    keras_ops.move_averages(theirs, variables, kept)

    for found, expected in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(found.numpy(), expected.numpy())
        assert np.any(found.numpy() != start[0])
