import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from layerlock.models import PatchwiseDecoder
from tests.marks import thorough_on
from tests.models import networks


def check_float64(activation):
    """Features and predictions of a float64 model have float64 precision."""
    # No rotation: Keras has no float64 cosine on JAX.
    encoder = networks.small_encoder(
        positions="learned", activation=activation, dtype="float64"
    )
    patches = encoder.patchify(networks.clips(batch=1))
    positions = encoder.token_positions()
    tokens = encoder.embed(patches, positions[None])
    output = encoder(tokens, positions[None])

    twin = networks.twin(encoder)
    expected = twin.embed(networks.numpy(patches)[0], positions)
    expected = twin.run(expected, positions)[-1]
    networks.assert_close(output, expected[None], tolerance=1e-12)

    decoder = PatchwiseDecoder(42, encoder.patch_dim, 1, dtype="float64")
    predictions = decoder(
        tokens[:, :5],
        positions[None, :5],
        positions[None, 5:],
        encoder,
        (0, 1),
    )
    for tensor in (patches, output, *predictions):
        assert networks.numpy(tensor).dtype == np.float64


@pytest.mark.parametrize("activation", ["gelu", "gelu_tanh", "silu"])
def test_a_float64_model_is_never_rounded(activation):
    if keras.backend.backend() != "jax":
        check_float64(activation)
        return
    if activation != "gelu":
        pytest.skip("one process of JAX is enough: the formula is the same")
    # JAX decides at its start whether it has float64.
    subprocess.run(
        [
            sys.executable,
            "-c",
            "from tests.models import test_precision as test\n"
            "test.check_float64('gelu_tanh')",
        ],
        check=True,
        env={**os.environ, "JAX_ENABLE_X64": "1", "PYTHONPATH": os.getcwd()},
    )


@thorough_on("tensorflow")
@pytest.mark.parametrize("kind", networks.POSITIONS)
@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
def test_features_in_mixed_precision_are_near_the_float32_ones(kind, dtype):
    if dtype == "mixed_float16" and keras.backend.backend() == "jax":
        pytest.skip("JAX multiplies no float16 matrices on a CPU")
    encoder = networks.small_encoder(positions=kind, dtype=dtype)
    clips = networks.clips()

    features = encoder.features(clips)["block_4"]

    plain = networks.small_encoder(positions=kind)
    expected = networks.numpy(plain.features(clips)["block_4"])
    compute_dtype = dtype.removeprefix("mixed_")
    assert keras.backend.standardize_dtype(features.dtype) == compute_dtype
    networks.assert_close(
        keras.ops.cast(features, "float32"),
        expected.astype("float64"),
        tolerance=5e-2,
    )


def test_the_global_policy_reaches_every_layer():
    keras.mixed_precision.set_dtype_policy("mixed_bfloat16")
    try:
        encoder = networks.small_encoder(positions="learned")
    finally:
        keras.mixed_precision.set_dtype_policy("float32")

    for layer in (encoder, *encoder.embedding, *encoder.blocks):
        assert layer.dtype_policy.name == "mixed_bfloat16"
    assert {v.dtype for v in encoder.weights} == {"float32"}


def test_an_argument_reaches_every_layer_without_a_global_policy():
    encoder = networks.small_encoder(positions="sincos", dtype="bfloat16")

    for layer in (encoder, *encoder.embedding, *encoder.blocks):
        assert layer.dtype_policy.name == "bfloat16"


def test_late_positions_differ_in_bfloat16():
    encoder = networks.small_encoder(dtype="mixed_bfloat16")
    tokens = np.random.default_rng(0).normal(size=(2, 12, 42))

    def output(column):
        positions = np.int32([[[0, 0, 0]] * 6 + [[0, 0, column]] * 6])
        output = encoder(tokens.astype("float32"), positions)
        return networks.numpy(keras.ops.cast(output, "float32"))

    assert np.abs(output(256) - output(257)).max() > 0.01
