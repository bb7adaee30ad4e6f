"""Weights and configuration alone."""

import json

import keras
import numpy as np
import pytest

from layerlock.models import foreign
from tests.models import networks
from tests.models.exports import written

library = pytest.importorskip("safetensors.numpy")
pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="one backend is enough"
)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"positions": "learned", "num_decoder_layers": 0},
        {
            "positions": "sincos_flat",
            "position_grid": None,
            "epsilon": 1e-5,
            "activation": "gelu_tanh",
            "final_norm": True,
            "final_norm_epsilon": 1e-4,
        },
    ],
    ids=["rotary", "learned", "released"],
)
def test_an_encoder_comes_back_bit_for_bit(tmp_path, arguments):
    encoder = written.encoder(**arguments)

    written.write("safetensors", tmp_path / "out", encoder)
    found = foreign.read(tmp_path / "out")

    assert found.source.family == "layerlock" and not found.notes
    written.assert_same_weights(encoder, found.encoder)
    given, read = encoder.get_config(), found.encoder.get_config()
    assert {**read, "name": given["name"]} == given


def test_names_and_shapes_are_those_of_pytorch(tmp_path):
    encoder = written.encoder()

    written.write("safetensors", tmp_path / "out", encoder)

    arrays = library.load_file(tmp_path / "out" / "model.safetensors")
    kernel = networks.weights(encoder)["block_2/mlp_expand_kernel"]
    stored = arrays["encoder.blocks.2.mlp_expand.weight"]
    assert np.array_equal(stored, kernel.T) and stored.shape == (36, 24)
    norms = {name for name in arrays if "blocks.1.mlp_norm" in name}
    assert norms == {
        "encoder.blocks.1.mlp_norm.weight",
        "encoder.blocks.1.mlp_norm.bias",
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_layers": 3}, "Missing: encoder.blocks.3"),
        ({"num_layers": 1}, "Unknown: encoder.blocks.2"),
        ({"num_layers": 10**7}, "One of them belongs to another encoder"),
        ({"num_layers": -1}, "num_layers"),
        ({"shape": 1}, "arguments that no encoder takes"),
    ],
)
def test_a_configuration_of_another_encoder_is_refused(
    tmp_path, changes, message
):
    written.write("safetensors", tmp_path / "out", written.encoder())
    file = tmp_path / "out" / "config.json"
    content = json.loads(file.read_text())
    content["encoder"].update(changes)
    file.write_text(json.dumps(content))

    with pytest.raises(ValueError, match=message):
        foreign.read(tmp_path / "out")
