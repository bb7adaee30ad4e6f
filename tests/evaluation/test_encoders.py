"""What a command line calls an encoder."""

import numpy as np
import pytest

from layerlock.evaluation import encoders
from tests.models import networks
from tests.random_state import random_state


def test_a_random_encoder_is_a_function_of_its_seed():
    first, again, other = (
        encoders.fingerprint(encoders.load("random:video_vit_nano", seed))
        for seed in (1, 1, 2)
    )

    assert first == again != other


def test_a_random_encoder_leaves_the_random_state_of_the_caller():
    before = random_state()

    encoders.load("random:video_vit_nano", 1)

    assert random_state() == before


def test_pixels_are_cut_into_the_patches_of_a_preset():
    pixels = encoders.load("pixels:video_vit_nano")
    clips = networks.clips(shape=(8, 32, 32))

    found = networks.numpy(pixels.features(clips)["pixels"])

    assert found.shape == (2, 4, 4, 4, 2 * 8 * 8 * 3)
    patch = clips[1, 2:4, 8:16, 24:32].reshape(-1)
    np.testing.assert_allclose(
        found[1, 1, 1, 3], patch / 127.5 - 1, rtol=1e-4, atol=1e-5
    )


def test_an_exported_encoder_is_loaded(tmp_path):
    encoder = networks.small_encoder()
    encoder.save_to_preset(tmp_path / "encoder")

    loaded = encoders.load(tmp_path / "encoder")

    assert encoders.fingerprint(loaded) != encoders.fingerprint(
        networks.small_encoder(num_layers=3)
    )
    for a, b in zip(encoder.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


@pytest.fixture
def run(tmp_path):
    """A run that has begun."""
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "metrics.jsonl").write_text("")
    return tmp_path


def test_a_run_stands_for_its_encoder_or_its_student(run):
    networks.small_encoder(positions="none").save_to_preset(run / "encoder")
    with pytest.raises(ValueError, match="no separate student"):
        encoders.load(run, student=True)
    networks.small_encoder(positions="sincos").save_to_preset(run / "student")

    assert encoders.load(run).positions == "none"
    assert encoders.load(run, student=True).positions == "sincos"


def test_what_finetuning_left_stands_for_its_encoder(tmp_path):
    networks.small_encoder(positions="none").save_to_preset(
        tmp_path / "encoder"
    )
    (tmp_path / "finetune.json").write_text("{}")

    assert encoders.load(tmp_path).positions == "none"
    for spec in (tmp_path, "random:video_vit_nano"):
        with pytest.raises(ValueError, match="Leave .*student"):
            encoders.load(spec, student=True)


def test_a_run_without_an_encoder_is_told_to_wait(run):
    with pytest.raises(ValueError, match="no exported encoder yet"):
        encoders.load(run)


@pytest.mark.parametrize(
    "spec, message",
    [
        ("random:video_vit_nanno", "video_vit_nano"),
        ("/nowhere", "no encoder at '/nowhere'"),
        ("noise:video_vit_nano", "random:PRESET"),
    ],
)
def test_what_is_no_encoder_is_refused(spec, message):
    with pytest.raises(ValueError, match=message):
        encoders.load(spec)


@pytest.mark.parametrize(
    "depth, layer, number",
    [
        (48, 0.95, 45),
        (8, 0.95, 7),
        (8, 1.0, 8),
        (8, 0.0, 1),
        (8, 0, 0),
        (1, 0.5, 1),
    ],
)
def test_a_layer_is_a_number_or_a_share(depth, layer, number):
    class Encoder:
        num_layers = depth
        layer_names = ()

    assert encoders.layer_number(Encoder, layer) == number


@pytest.mark.parametrize("layer", [9, -1, 1.5])
def test_a_layer_that_is_not_there_is_refused(layer):
    class Encoder:
        num_layers = 8
        layer_names = ()

    with pytest.raises(ValueError, match="up to the encoder's 8"):
        encoders.layer_number(Encoder, layer)


def test_the_last_norm_is_a_layer_where_there_is_one():
    encoder = networks.small_encoder(num_layers=2, final_norm=True)
    number = encoders.layer_number(encoder, "final_norm")

    assert encoder.layer_names[number] == "final_norm"
    assert encoders.layer_number(encoder, number) == number
    with pytest.raises(ValueError, match="Pass 1.0 for its last block"):
        encoders.layer_number(networks.small_encoder(), "final_norm")


def test_a_path_that_no_file_can_have_is_refused():
    with pytest.raises(ValueError, match="a path of 5,000 letters"):
        encoders.read_sizes("a" * 5000)
