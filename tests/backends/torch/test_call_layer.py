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


def test_hooks_of_a_block_are_called(encoder):
    seen = []
    expected = run(encoder)
    encoder.blocks[0].register_forward_hook(
        lambda module, inputs, output: seen.append(output.shape)
    )

    assert np.array_equal(run(encoder).detach(), expected.detach())
    assert seen == [(1, 4, 96)]


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
