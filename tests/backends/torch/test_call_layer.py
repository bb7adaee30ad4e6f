"""Blocks are called without Keras's checks, and still as PyTorch's modules."""

import keras
import pytest

if keras.backend.backend() != "torch":
    pytest.skip("the hooks are PyTorch's", allow_module_level=True)

import numpy as np
import torch

import layerlock


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
