"""Readouts beside an exported encoder."""

import json

import pytest

from layerlock.models import (
    AttentiveReadout,
    DeepAttentiveReadout,
    stored_readout,
)
from layerlock.models.foreign import Readout
from tests.models import networks

SHAPE = (2, 3, 3, 24)


@pytest.fixture(params=["deep", "attentive"])
def readout(request):
    if request.param == "deep":
        layer = DeepAttentiveReadout(3, num_blocks=2, num_heads=2, name="a")
        names = ("down", "left", "up")
    else:
        layer = AttentiveReadout(3, 2, 12, 2, num_frames=4, name="a")
        names = ()
    layer.build((None, *SHAPE))
    networks.randomise(layer)
    return Readout("final_norm", layer, type(layer), names)


def test_a_readout_comes_back_bit_for_bit(tmp_path, readout):
    stored_readout.save(readout, SHAPE, tmp_path)

    found = stored_readout.load(tmp_path)

    expected = networks.weights(readout.network)
    actual = networks.weights(found.network)
    assert expected.keys() == actual.keys()
    assert all((actual[k] == v).all() for k, v in expected.items())
    assert (found.layer, found.kind, found.class_names) == (
        "final_norm",
        readout.kind,
        readout.class_names,
    )


def test_a_folder_without_a_readout_has_none(tmp_path):
    assert stored_readout.load(tmp_path) is None


def test_damaged_weights_are_refused(tmp_path, readout):
    stored_readout.save(readout, SHAPE, tmp_path)
    file = tmp_path / stored_readout.WEIGHTS
    file.write_bytes(file.read_bytes()[:-9])

    with pytest.raises(ValueError, match="does not match its checksum"):
        stored_readout.load(tmp_path)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"num_heads": 5}, "No readout can be built"),
        ({"output_dim": 2}, "has shape"),
        ({"output_dim": 10**9}, "One of them belongs to another"),
        ({"mlp_dim": 10**30}, "mlp_dim|One of them belongs to another"),
        ({"num_queries": "x"}, "num_queries"),
        ({"num_frames": "4"}, "num_frames|No readout can be built"),
        ({"name": ""}, "must be a name"),
    ],
)
def test_another_configuration_is_refused(tmp_path, readout, entries, message):
    stored_readout.save(readout, SHAPE, tmp_path)
    file = tmp_path / stored_readout.CONFIG
    content = json.loads(file.read_text())
    content["config"].update(entries)
    file.write_text(json.dumps(content))

    with pytest.raises(ValueError, match=message):
        stored_readout.load(tmp_path)


def test_names_of_other_classes_are_refused(tmp_path, readout):
    stored_readout.save(readout, SHAPE, tmp_path)
    file = tmp_path / stored_readout.CONFIG
    content = json.loads(file.read_text())
    file.write_text(json.dumps({**content, "class_names": ["up"]}))

    with pytest.raises(ValueError, match="names 1 classes"):
        stored_readout.load(tmp_path)
