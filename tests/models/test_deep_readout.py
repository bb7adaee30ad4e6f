"""The readout with self-attention, against NumPy."""

import keras
import numpy as np
import pytest

from layerlock.models import DeepAttentiveReadout
from tests.marks import thorough_on
from tests.models import networks
from tests.models.test_readout import features
from tests.reference import deep_readout as reference


def deep(width=12, **arguments):
    readout = DeepAttentiveReadout(
        **{
            "output_dim": 5,
            "num_queries": 3,
            "num_blocks": 3,
            "num_heads": 2,
            "mlp_dim": 20,
            **arguments,
        }
    )
    readout.build((None, 3, 2, 4, width))
    networks.randomise(readout, seed=1)
    return readout


@pytest.mark.parametrize(
    "arguments", [{}, {"num_blocks": 1, "num_queries": 1, "epsilon": 1e-2}]
)
def test_it_equals_the_reference(arguments):
    readout = deep(**arguments)
    weights = networks.weights(readout)
    given = features(shape=(3, 2, 4, 12))

    expected = [
        reference.read(weights, 2, clip, readout.epsilon)
        for clip in given.astype("float64")
    ]

    networks.assert_close(readout(given), np.stack(expected))


@thorough_on("jax")
def test_it_can_be_fitted_and_saved_with_a_model(tmp_path):
    inputs = keras.Input((3, 2, 4, 12))
    readout = DeepAttentiveReadout(5, num_blocks=2, num_heads=2, mlp_dim=20)
    model = keras.Model(inputs, readout(inputs))
    model.compile("sgd", loss="mse")
    given = features(5, (3, 2, 4, 12))
    model.fit(given, np.zeros((5, 1, 5)), batch_size=2, verbose=0)
    model.save(tmp_path / "model.keras")

    loaded = keras.saving.load_model(tmp_path / "model.keras")

    np.testing.assert_array_equal(
        networks.numpy(loaded(given)), networks.numpy(model(given))
    )


@thorough_on("jax")
def test_its_outputs_are_float32_in_mixed_precision():
    given = features(shape=(3, 2, 4, 12))

    output = deep(dtype="mixed_bfloat16")(given)

    assert keras.backend.standardize_dtype(output.dtype) == "float32"
    networks.assert_close(output, networks.numpy(deep()(given)), tolerance=3e-2)


def test_it_has_the_depth_heads_and_size_of_v_jepa_2():
    readout = DeepAttentiveReadout(174)
    readout.build((None, 1, 1, 1, 64))

    blocks = [block.num_heads for block in readout.blocks]
    assert blocks == [16, 16, 16]
    assert readout.num_heads == 16
    # Per block 12 d^2 + 13 d; the last has no projection, one query, a head.
    width, classes = 64, 174
    block = 12 * width**2 + 13 * width
    last = block - width**2 - width + width
    head = (width + 1) * classes
    assert readout.count_params() == 3 * block + last + head


@pytest.mark.parametrize(
    "build, message",
    [
        (lambda: DeepAttentiveReadout(0), "output_dim=0"),
        (lambda: DeepAttentiveReadout(5, num_blocks=0), "num_blocks=0"),
        (lambda: deep(width=10, num_heads=3), "num_heads=3, and features 10"),
        (
            lambda: DeepAttentiveReadout(5)(np.ones((2, 8, 12), "float32")),
            r"\(2, 8",
        ),
    ],
)
def test_bad_arguments_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()
