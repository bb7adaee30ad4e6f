import json
import zipfile

import keras
import pytest

import layerlock
from layerlock.models import VideoEncoder, keras_file
from tests.models import networks

LAMBDA = {
    "module": "keras.layers",
    "class_name": "Lambda",
    "config": {},
    "registered_name": None,
}


@pytest.fixture(scope="module")
def encoder_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("file") / "encoder.keras"
    networks.small_encoder().save(path)
    return path


def members(path) -> dict:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def archive(path, parts, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", method) as file:
        for name, content in parts.items():
            file.writestr(name, content)
    return path


def changed(encoder_file, path, change):
    parts = members(encoder_file)
    config = json.loads(parts["config.json"])
    change(config)
    return archive(path, parts | {"config.json": json.dumps(config)})


@pytest.mark.parametrize("objective", ["mae", "vjepa"])
def test_models_of_the_package_pass(objective, tmp_path):
    model = layerlock.MaskedPretraining(
        networks.small_encoder(), objective=objective
    )
    model.save(tmp_path / "a.keras")

    keras_file.check(tmp_path / "a.keras")


def test_a_class_of_keras_is_refused_wherever_it_is(encoder_file, tmp_path):
    path = changed(
        encoder_file,
        tmp_path / "a.keras",
        lambda config: config["config"].update(dtype=LAMBDA),
    )

    with pytest.raises(ValueError, match="names 'Lambda' of 'keras.layers'"):
        VideoEncoder.from_preset(path)


def test_a_registered_class_of_the_caller_passes(tmp_path):
    @keras.saving.register_keras_serializable("mine")
    class Mask(layerlock.RandomMask):
        pass

    model = layerlock.MaskedPretraining(
        networks.small_encoder(), objective="mae", mask=Mask(0.5)
    )
    model.save(tmp_path / "a.keras")

    keras_file.check(tmp_path / "a.keras")


def test_a_size_that_does_not_fit_the_weights_is_refused(
    encoder_file, tmp_path
):
    path = changed(
        encoder_file,
        tmp_path / "a.keras",
        lambda config: config["config"].update(mlp_dim=10**8),
    )

    with pytest.raises(ValueError, match="belongs to another encoder"):
        VideoEncoder.from_preset(path)


def test_a_part_that_does_not_fit_the_weights_is_refused(tmp_path):
    model = layerlock.MaskedPretraining(
        networks.small_encoder(), objective="vjepa"
    )
    model.save(tmp_path / "a.keras")
    path = changed(
        tmp_path / "a.keras",
        tmp_path / "b.keras",
        lambda config: config["config"]["predictor"]["config"].update(
            predictor_dim=10**8
        ),
    )

    with pytest.raises(ValueError, match="larger than the weights"):
        VideoEncoder.from_preset(path)


@pytest.mark.parametrize("name", ["../../stray", "/stray", "assets/a"])
def test_other_members_are_refused(encoder_file, tmp_path, name):
    parts = members(encoder_file) | {name: b"a"}
    path = archive(tmp_path / "a.keras", parts)

    with pytest.raises(ValueError, match="is no encoder: it contains"):
        VideoEncoder.from_preset(path)


def test_a_member_that_unpacks_to_too_much_is_refused(encoder_file, tmp_path):
    parts = members(encoder_file) | {"model.weights.h5": bytes(10**7)}
    path = archive(tmp_path / "a.keras", parts, zipfile.ZIP_DEFLATED)

    with pytest.raises(ValueError, match="made to fill the memory"):
        VideoEncoder.from_preset(path)


def test_a_file_that_was_cut_is_refused(encoder_file, tmp_path):
    path = tmp_path / "a.keras"
    path.write_bytes(encoder_file.read_bytes()[:-50])

    with pytest.raises(ValueError, match="no whole archive"):
        VideoEncoder.from_preset(path)


def test_damaged_weights_are_refused_with_a_sentence(encoder_file, tmp_path):
    parts = members(encoder_file)
    parts["model.weights.h5"] = parts["model.weights.h5"][:-100]
    path = archive(tmp_path / "a.keras", parts)

    with pytest.raises(ValueError, match="cannot be loaded: OSError"):
        VideoEncoder.from_preset(path)
