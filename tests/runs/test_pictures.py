import numpy as np
import pytest

from layerlock.runs import pictures
from layerlock.runs.directory import RunDirectory


@pytest.fixture
def run(tmp_path):
    return RunDirectory.create(tmp_path / "run", {"flags": {}})


def video(fill=0, clips=2):
    return np.full((clips, 4, 8, 8, 3), fill, "uint8")


def features(width=5, seed=0):
    return np.random.default_rng(seed).normal(size=(2, 2, 4, 4, width))


def test_a_reconstruction_comes_back(run):
    pictures.save_reconstruction(run, video(1), video(2), video(3), step=70)

    arrays = pictures.load(run, pictures.RECONSTRUCTION)

    assert arrays["step"] == 70
    np.testing.assert_array_equal(arrays["clips"], video(1))
    np.testing.assert_array_equal(arrays["masked"], video(2))
    np.testing.assert_array_equal(arrays["reconstruction"], video(3))


def test_features_come_back(run):
    pictures.save_features(run, video(), features(), "block_7", step=70)

    arrays = pictures.load(run, pictures.FEATURES)

    assert str(arrays["layer"]) == "block_7"
    np.testing.assert_array_equal(
        arrays["features"], features().astype("float32")
    )


def test_missing_pictures_are_none(run):
    assert pictures.load(run, pictures.FEATURES) is None


def test_clips_of_floats_are_refused(run):
    clips = video().astype("float32")

    with pytest.raises(ValueError, match=r"`clips` must be uint8.*float32"):
        pictures.save_reconstruction(run, clips, video(), video(), step=0)


def test_clips_of_different_shapes_are_refused(run):
    with pytest.raises(ValueError, match="one shape"):
        pictures.save_reconstruction(
            run, video(), video(clips=1), video(), step=0
        )


def test_features_of_other_clips_are_refused(run):
    with pytest.raises(ValueError, match="2 clips"):
        pictures.save_features(run, video(), features()[:1], "block_1", 0)


def test_the_first_colour_follows_the_main_direction():
    values = np.linspace(-1, 1, 11)
    direction = np.array([0.0, 3.0, 0.0, 1.0])

    red = pictures.features_to_rgb(values[:, None] * direction, 0)[:, 0]

    np.testing.assert_array_equal(
        red, np.floor((values + 1) / 2 * 255 + 0.5).astype("uint8")
    )


def test_directions_without_variation_are_grey():
    values = np.linspace(-1, 1, 11)[:, None] * np.ones(4)

    colours = pictures.features_to_rgb(values)

    assert (colours[:, 1:] == 128).all()


def test_collapsed_features_are_grey():
    assert (pictures.features_to_rgb(np.full((3, 8), 7.0)) == 128).all()


def test_one_colour_means_the_same_in_every_frame():
    frames = features()
    frames[:, 1] = frames[:, 0]

    colours = pictures.features_to_rgb(frames)

    np.testing.assert_array_equal(colours[:, 0], colours[:, 1])


def test_colours_do_not_depend_on_an_offset_or_a_scale():
    np.testing.assert_allclose(
        pictures.features_to_rgb(features()).astype(int),
        pictures.features_to_rgb(100 * features() + 7).astype(int),
        atol=1,
    )


@pytest.mark.parametrize("width", [1, 2])
def test_few_features_leave_the_other_colours_grey(width):
    colours = pictures.features_to_rgb(features(width))

    assert colours.shape == (2, 2, 4, 4, 3)
    assert (colours[..., width:] == 128).all()


def test_features_that_are_not_finite_are_grey():
    broken = features()
    broken[0, 0, 0, 0, 0] = np.nan

    colours = pictures.features_to_rgb(broken)

    assert colours[0, 0, 0, 0].tolist() == [128, 128, 128]
    assert (colours[1] != 128).any()


def test_damaged_pictures_are_as_missing_ones(tmp_path):
    run = RunDirectory.create(tmp_path, {})
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / pictures.FEATURES).write_bytes(b"PK\x03\x04 half")

    assert pictures.load(run, pictures.FEATURES) is None
