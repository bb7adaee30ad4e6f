"""Names and shapes of weights in programs without Keras."""

import numpy as np
import pytest

from layerlock.models import portable
from tests.models import networks


@pytest.mark.parametrize(
    "arguments", [{}, {"positions": "learned", "final_norm": True}]
)
def test_every_variable_is_named_once(arguments):
    encoder = networks.small_encoder(**arguments)

    paths = list(portable.paths(encoder.get_config()))

    assert sorted(paths) == sorted(networks.weights(encoder))
    assert len({portable.portable_name(path) for path in paths}) == len(paths)


def test_kernels_are_transposed_and_others_are_not():
    encoder = networks.small_encoder()
    weights = networks.weights(encoder)

    arrays = portable.to_arrays(encoder)

    assert len(arrays) == len(weights)
    for path, value in weights.items():
        array = arrays[portable.portable_name(path)]
        assert array.flags["C_CONTIGUOUS"]
        assert np.array_equal(array, value.T if value.ndim == 2 else value)


def test_layers_above_the_last_are_left_out():
    encoder = networks.small_encoder(final_norm=True)

    names = portable.to_arrays(encoder, last_layer=2)

    assert {name.split(".")[1] for name in names if "blocks" in name} == {
        "1",
        "2",
    }
    assert not any(name.startswith("final_norm") for name in names)


def test_arguments_of_training_are_left_out():
    arguments = portable.arguments(networks.small_encoder(remat=True))

    assert arguments.keys() & {"remat", "name", "num_decoder_layers"} == set()
    assert arguments["hidden_dim"] == 42
