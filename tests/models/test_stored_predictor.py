"""Predictors beside an exported encoder."""

import json

import pytest

from layerlock.models import LatentPredictor, stored_predictor
from tests.models import networks


@pytest.fixture
def predictor():
    predictor = LatentPredictor(
        24, 96, num_layers=1, num_heads=2, predictor_dim=12, name="first"
    )
    networks.randomise(predictor)
    return predictor


def change(folder, **entries):
    file = folder / stored_predictor.CONFIG
    content = json.loads(file.read_text())
    content["config"].update(entries)
    file.write_text(json.dumps(content))


def test_a_predictor_comes_back_bit_for_bit(tmp_path, predictor):
    stored_predictor.save(predictor, tmp_path)

    found = stored_predictor.load(tmp_path)

    expected, actual = networks.weights(predictor), networks.weights(found)
    assert expected.keys() == actual.keys()
    assert all((actual[k] == v).all() for k, v in expected.items())
    assert found.get_config() == predictor.get_config()


def test_a_folder_without_a_predictor_has_none(tmp_path):
    assert stored_predictor.load(tmp_path) is None


def test_damaged_weights_are_refused(tmp_path, predictor):
    stored_predictor.save(predictor, tmp_path)
    file = tmp_path / stored_predictor.WEIGHTS
    file.write_bytes(file.read_bytes()[:-9])

    with pytest.raises(ValueError, match="does not match its checksum"):
        stored_predictor.load(tmp_path)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"num_heads": 5}, "No predictor can be built"),
        ({"num_layers": 2}, "One of them belongs to another"),
        ({"num_mask_kinds": 2}, "mask_tokens has shape"),
        ({"num_layers": 10**9}, "One of them belongs to another"),
        ({"num_latent_heads": 10**30}, "num_latent_heads|belongs to another"),
        ({"predictor_dim": "x"}, "predictor_dim"),
        ({"name": ""}, "must be a name"),
    ],
)
def test_another_configuration_is_refused(
    tmp_path, predictor, entries, message
):
    stored_predictor.save(predictor, tmp_path)
    change(tmp_path, **entries)

    with pytest.raises(ValueError, match=message):
        stored_predictor.load(tmp_path)


def test_a_predictor_of_narrower_targets_comes_back(tmp_path):
    predictor = LatentPredictor(
        256, 96, num_layers=1, num_heads=2, predictor_dim=24, latent_dim=16
    )
    stored_predictor.save(predictor, tmp_path)

    assert stored_predictor.load(tmp_path).latent_dim == 16
