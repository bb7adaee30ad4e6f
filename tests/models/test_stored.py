import json

import h5py
import keras
import pytest

from layerlock.models import VideoEncoder, stored
from tests.models import networks

CONFIG = {"num_layers": 4, "num_heads": 3, "hidden_dim": 42, "mlp_dim": 60}


def export(folder):
    """An encoder without the checksum, which finds all other damage first."""
    encoder = networks.small_encoder(positions="learned")
    encoder.save_to_preset(folder)
    content = json.loads((folder / "config.json").read_text())
    del content["sha256"]
    (folder / "config.json").write_text(json.dumps(content))
    return folder / "encoder.weights.h5"


def test_every_argument_of_an_encoder_has_a_kind(tmp_path):
    config = networks.small_encoder().get_config()
    config["dtype"] = "float32"

    stored.check_config(config, "a file")

    assert config.keys() <= stored._ARGUMENTS.keys()


@pytest.mark.parametrize(
    "change, message",
    [
        ({"num_layers": "4"}, "'num_layers' in a file must be"),
        ({"hidden_dim": 0}, "'hidden_dim' in a file must be"),
        ({"patch_size": [2, 4]}, "'patch_size' in a file must be"),
        ({"pixel_std": [1, 2]}, "'pixel_std' in a file must be"),
        ({"code": "import os"}, "no encoder takes: .*code"),
        ({"clip_shape": [2**40, 2**20, 2]}, "describes clips of"),
    ],
)
def test_a_wrong_argument_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        stored.check_config(CONFIG | change, "a file")


@pytest.mark.parametrize("config", [None, [], "a"])
def test_arguments_are_an_object(config):
    with pytest.raises(ValueError, match="must hold the arguments"):
        stored.check_config(config, "a file")


@pytest.mark.parametrize(
    "change",
    [
        {"hidden_dim": 10**6},
        {"num_layers": 10**9},
        {"positions": "learned", "clip_shape": [16, 10**5, 10**5]},
    ],
)
def test_an_encoder_larger_than_its_weights_is_refused(change):
    with pytest.raises(ValueError, match="but a file has 270,000 bytes"):
        stored.check_size(CONFIG | change, 270_000, "a file")


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_what_keras_writes_is_large_enough(dtype, tmp_path):
    encoder = networks.small_encoder(positions="learned", dtype=dtype)
    path = tmp_path / "a.weights.h5"
    encoder.save_weights(path)

    stored.check_size(encoder.get_config(), path.stat().st_size, path)
    stored.check_weights(path)


def test_arrays_that_claim_more_than_the_file_are_refused(tmp_path):
    path = export(tmp_path / "encoder")
    with h5py.File(path, "r+") as file:
        file.create_dataset("bomb", (10_000, 10_000), "f4", chunks=True)

    with pytest.raises(ValueError, match="claim 40.,.* bytes, but the file"):
        VideoEncoder.from_preset(path.parent)


@pytest.mark.parametrize(
    "length, message",
    [(0, "has 0 bytes"), (-100, "or are damaged"), (-20_000, "or are damaged")],
)
def test_weights_that_were_cut_are_refused(length, message, tmp_path):
    path = export(tmp_path / "encoder")
    path.write_bytes(path.read_bytes()[:length])

    with pytest.raises(ValueError, match=message):
        VideoEncoder.from_preset(path.parent)


def test_weights_of_another_file_are_refused(tmp_path):
    path = export(tmp_path / "encoder")
    with h5py.File(path, "r+") as file:
        names = []
        file.visit(names.append)
        name = next(n for n in names if isinstance(file[n], h5py.Dataset))
        with h5py.File(tmp_path / "other.h5", "w") as other:
            other["a"] = file[name][()]
        del file[name]
        file[name] = h5py.ExternalLink("../other.h5", "/a")

    with pytest.raises(ValueError, match="do not fit an encoder"):
        VideoEncoder.from_preset(path.parent)


def test_a_configuration_without_an_encoder_says_why(tmp_path):
    path = export(tmp_path / "encoder").parent / "config.json"
    path.write_text(
        path.read_text().replace('"num_heads": 3', '"num_heads": 4')
    )

    with pytest.raises(ValueError, match="No encoder can be built"):
        VideoEncoder.from_preset(path.parent)


def test_keras_stores_what_the_limits_assume(tmp_path):
    """Uncompressed: the size of a file says what it may hold."""
    model = keras.Sequential([keras.Input((300,)), keras.layers.Dense(300)])
    model.save_weights(tmp_path / "a.weights.h5")

    assert (tmp_path / "a.weights.h5").stat().st_size > 4 * 300 * 300
