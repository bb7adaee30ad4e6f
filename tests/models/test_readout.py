"""The readouts, against NumPy."""

import keras
import numpy as np
import pytest

from layerlock.models import AttentiveReadout, LinearReadout
from tests.marks import thorough_on
from tests.models import networks
from tests.reference import encoder as reference_encoder, readout as reference


def features(batch=2, shape=(3, 2, 4, 10), seed=0):
    generator = np.random.default_rng(seed)
    return generator.normal(size=(batch, *shape)).astype("float32")


def attentive(**arguments):
    readout = AttentiveReadout(
        **{
            "output_dim": 5,
            "num_queries": 3,
            "hidden_dim": 12,
            "num_heads": 3,
            "mlp_dim": 20,
            **arguments,
        }
    )
    readout.build((None, *features().shape[1:]))
    networks.randomise(readout, seed=1)
    return readout


@thorough_on("jax")
@pytest.mark.parametrize(
    "num_frames, resizing, activation",
    [
        (None, "linear", "gelu"),
        (3, "linear", "gelu"),
        (6, "linear", "gelu"),
        (2, "linear", "gelu"),
        (6, "cubic", "gelu_tanh"),
    ],
)
def test_attentive_readout_equals_the_reference(
    num_frames, resizing, activation
):
    readout = attentive(
        num_frames=num_frames, resizing=resizing, activation=activation
    )
    weights = networks.weights(readout)

    expected = [
        reference.read(weights, 3, clip, num_frames or 3, resizing, activation)
        for clip in features().astype("float64")
    ]
    outputs, attention = zip(*expected, strict=True)

    networks.assert_close(readout(features()), np.stack(outputs))
    shown = readout.attention_weights(features())
    assert tuple(shown.shape) == (2, 3, num_frames or 3, 2, 4)
    networks.assert_close(
        keras.ops.reshape(shown, (2, 3, -1)), np.stack(attention)
    )


@pytest.mark.parametrize("pool", [True, False])
def test_linear_readout_equals_the_reference(pool):
    readout = LinearReadout(5, pool=pool)
    readout.build((None, 3, 2, 4, 10))
    networks.randomise(readout, seed=1)
    weights = networks.weights(readout)

    x = reference_encoder.normalise(
        features().astype("float64"),
        weights["input_norm_gamma"],
        weights["input_norm_beta"],
    ).reshape(2, -1, 10)
    if pool:
        x = x.mean(axis=1, keepdims=True)
    expected = x @ weights["head/kernel"] + weights["head/bias"]

    networks.assert_close(readout(features()), expected)


@pytest.mark.parametrize(
    "readout",
    [
        AttentiveReadout(5, 3, hidden_dim=12, num_heads=3, num_frames=6),
        LinearReadout(5, pool=False),
    ],
)
def test_a_readout_can_be_saved_with_a_model(readout, tmp_path):
    inputs = keras.Input((3, 2, 4, 10))
    model = keras.Model(inputs, readout(inputs))
    model.save(tmp_path / "model.keras")

    loaded = keras.saving.load_model(tmp_path / "model.keras")

    np.testing.assert_array_equal(
        networks.numpy(loaded(features())), networks.numpy(model(features()))
    )


def test_features_are_resized_in_a_model_that_is_fitted():
    inputs = keras.Input((3, 2, 4, 10))
    readout = AttentiveReadout(5, 3, hidden_dim=12, num_heads=3, num_frames=6)
    model = keras.Model(inputs, readout(inputs))
    model.compile("sgd", loss="mse")

    model.fit(features(5), np.zeros((5, 3, 5)), batch_size=2, verbose=0)

    assert model.predict(features(), verbose=0).shape == (2, 3, 5)


def test_outputs_are_float32_in_mixed_precision():
    readout = attentive(dtype="mixed_bfloat16")

    output = readout(features())

    assert keras.backend.standardize_dtype(output.dtype) == "float32"
    networks.assert_close(
        output, networks.numpy(attentive()(features())), tolerance=3e-2
    )


@pytest.mark.parametrize(
    "build, message",
    [
        (lambda: AttentiveReadout(0), "output_dim=0"),
        (lambda: AttentiveReadout(5, num_queries=0), "num_queries=0"),
        (lambda: AttentiveReadout(5, hidden_dim=10, num_heads=3), "multiple"),
        (lambda: AttentiveReadout(5, num_frames=0), "num_frames=0"),
        (lambda: AttentiveReadout(5, resizing="near"), "resizing='near'"),
        (lambda: AttentiveReadout(5, activation="relu"), "activation='relu'"),
        (lambda: LinearReadout(-1), "output_dim=-1"),
        (lambda: LinearReadout(5)(np.ones((2, 8, 10), "float32")), r"\(2, 8"),
    ],
)
def test_bad_arguments_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float64"])
def test_attention_is_that_of_features_of_any_type(policy, dtype):
    if dtype == "float64" and keras.backend.backend() == "jax":
        pytest.skip("JAX has float32 by default")
    readout = attentive(dtype=policy)
    values = keras.ops.cast(features(), dtype)

    weights = networks.numpy(readout.attention_weights(values))

    expected = networks.numpy(readout.attention_weights(features()))
    np.testing.assert_allclose(weights.sum((2, 3, 4)), 1.0, atol=1e-5)
    np.testing.assert_allclose(weights, expected, atol=0.01)


def test_features_of_other_frames_than_it_was_built_for_are_refused():
    """One frame's vector would be added to all, without an error."""
    readout = AttentiveReadout(5, num_queries=3, hidden_dim=12, num_heads=3)
    readout.build((None, 1, 2, 4, 10))

    with pytest.raises(ValueError, match="of 1 frames. Received: 3 frames"):
        readout(features())


@pytest.mark.skipif(
    keras.backend.backend() == "jax", reason="JAX has float32 by default"
)
def test_a_linear_readout_does_not_round_float64():
    readout = LinearReadout(5, dtype="float64")
    x = np.random.default_rng(0).normal(size=(2, 3, 2, 4, 10))
    readout.build(x.shape)
    networks.randomise(readout)

    weights = networks.weights(readout)
    normalised = x - x.mean(-1, keepdims=True)
    normalised /= np.sqrt(x.var(-1, keepdims=True) + 1e-6)
    normalised *= weights["input_norm_gamma"]
    pooled = (normalised + weights["input_norm_beta"]).mean((1, 2, 3))
    expected = pooled @ weights["head/kernel"] + weights["head/bias"]
    outputs = networks.numpy(readout(x)).reshape(2, 5)
    np.testing.assert_allclose(outputs, expected, atol=1e-12)
