"""Features of every split of a task, from one block of an encoder."""

import keras
import numpy as np
import pytest

from layerlock.evaluation import encoders, extraction
from layerlock.evaluation.task import SPLITS
from tests.evaluation import toys


class OtherEncoder(toys.Encoder):
    def get_config(self):
        return {"num_layers": 1}


@pytest.fixture(autouse=True)
def no_calls():
    toys.Encoder.calls = 0


def folders(tmp_path, encoder=None, layer=1, **arguments):
    """Names of the folders that features are kept in."""
    extraction.compute(
        encoder or toys.Encoder(),
        toys.PlantedTask(**arguments),
        layer,
        tmp_path,
    )
    return {path.name for path in tmp_path.iterdir() if path.is_dir()}


def test_every_split_has_features():
    found = extraction.compute(toys.Encoder(), toys.PlantedTask(), 1)

    assert list(found) == list(SPLITS)
    assert [len(found[split]) for split in SPLITS] == [120, 40, 60]


def test_nothing_is_computed_before_it_is_needed():
    extraction.compute(toys.Encoder(), toys.PlantedTask(), 1)

    assert toys.Encoder.calls == 0


def test_an_extractor_returns_float32_arrays_of_numpy():
    pixels = encoders.Pixels((1, 2, 2), (2, 4, 4))
    clips = np.full((3, 2, 4, 4, 3), 255, "uint8")

    found = extraction.extractor(pixels, 0)(clips)

    assert isinstance(found, np.ndarray)
    assert found.dtype == "float32"
    np.testing.assert_array_equal(found, np.ones((3, 2, 2, 2, 12)))


def test_the_extractor_of_a_model_reads_its_present_weights():
    class Scaled(keras.Model):
        layer_names = ("scaled",)

        def __init__(self):
            super().__init__()
            self.scale = self.add_weight(shape=(), initializer="ones")
            self.built = True

        def features(self, clips, layers):
            return {"scaled": keras.ops.cast(clips, "float32") * self.scale}

    model = Scaled()
    extract = extraction.extractor(model, 0)
    clips = keras.ops.ones((1, 1, 1, 1, 3), "uint8")
    before = extract(clips).max()

    model.scale.assign(2.0)

    assert (before, extract(clips).max()) == (1.0, 2.0)


def test_features_of_another_block_are_kept_apart(tmp_path):
    first = folders(tmp_path, layer=0)

    assert len(folders(tmp_path, layer=1) - first) == len(SPLITS)


def test_features_of_another_encoder_are_kept_apart(tmp_path):
    first = folders(tmp_path)

    assert len(folders(tmp_path, OtherEncoder()) - first) == len(SPLITS)


def test_features_of_the_same_encoder_and_task_are_found_again(tmp_path):
    first = folders(tmp_path)

    assert folders(tmp_path) == first


@pytest.mark.parametrize("share, is_kept", [(0.99, False), (1.0, True)])
def test_they_are_kept_only_if_all_splits_fit_together(
    tmp_path, share, is_kept
):
    values = 220 * np.prod(toys.GRID) * toys.DIM * 4  # bytes, of 220 clips
    targets = 220 * 8
    messages = []

    extraction.compute(
        toys.Encoder(),
        toys.PlantedTask(),
        1,
        tmp_path,
        max_bytes=share * (values + targets),
        print_fn=messages.append,
    )

    assert bool(list(tmp_path.iterdir())) is is_kept
    assert len(messages) == (not is_kept)
