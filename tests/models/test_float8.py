"""The float8 policy, and the networks that have it."""

import keras
import numpy as np
import pytest

from layerlock import backends
from layerlock.models.float8 import Float8Policy, multiplies_float8
from layerlock.models.predictor import LatentPredictor
from layerlock.models.transformer import TransformerBlock
from layerlock.models.video_encoder import VideoEncoder
from tests.models import networks

pytestmark = pytest.mark.skipif(
    bool(backends.unsupported(float8=True)), reason="the backend has none"
)


def outputs_and_gradient(block, tokens, queries):
    """The outputs of a block, and the gradient of its MLP's first kernel."""
    tokens = keras.ops.convert_to_tensor(tokens, "bfloat16")
    block(tokens)  # builds it
    kernel = block.mlp_expand[0]
    if keras.backend.backend() == "torch":
        output = block(tokens, queries=queries)
        output.sum().backward()
        return networks.numpy(output), networks.numpy(kernel.value.grad)
    import jax

    def loss(value):
        with keras.StatelessScope(state_mapping=[(kernel, value)]):
            output = block(tokens, queries=queries)
        return output.sum(), output

    found, output = jax.grad(loss, has_aux=True)(kernel.value)
    return networks.numpy(output), networks.numpy(found)


@pytest.mark.parametrize("remat", ["none", "attention", "blocks"])
@pytest.mark.parametrize("queries", [None, 3])
def test_a_block_is_near_the_one_in_bfloat16(remat, queries):
    tokens = np.random.default_rng(0).normal(size=(2, 8, 32)).astype("float32")
    found = []
    for dtype in ("mixed_bfloat16", Float8Policy()):
        keras.utils.set_random_seed(0)
        block = TransformerBlock(2, 32, 64, remat=remat, dtype=dtype)
        found.append(outputs_and_gradient(block, tokens, queries))

    for expected, close in zip(*found, strict=True):
        error = np.abs(expected - close).max() / np.abs(expected).max()
        assert 1e-3 < error < 0.15


def test_blocks_of_encoder_and_predictor_have_the_policy():
    encoder = networks.small_encoder(dtype=Float8Policy())
    again = VideoEncoder.from_config(encoder.get_config())

    for one in (encoder, again, LatentPredictor.for_encoder(encoder)):
        assert all(map(multiplies_float8, one.blocks))


def test_an_exported_encoder_computes_in_bfloat16(tmp_path):
    encoder = networks.small_encoder(dtype=Float8Policy())

    encoder.save_to_preset(tmp_path / "exported")
    again = VideoEncoder.from_preset(tmp_path / "exported")

    assert type(again.dtype_policy) is keras.DTypePolicy
    assert again.dtype_policy.name == "mixed_bfloat16"


def test_other_names_are_refused():
    with pytest.raises(ValueError, match="mixed_float16"):
        Float8Policy("mixed_float16")
