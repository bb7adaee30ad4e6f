"""Pictures of what the model made of the hidden patches."""

import keras
import numpy as np
import pytest
from keras import ops

from layerlock.core.freezing.scheduler import FreezeScheduler
from layerlock.core.freezing.schedules import NeverFreezeSchedule
from layerlock.core.normalization import normalize
from layerlock.core.pretraining.objectives.mae import MaskedAutoencoding
from layerlock.core.pretraining.objectives.vjepa import VJEPA
from layerlock.core.pretraining.reconstruction import Reconstruction
from layerlock.core.pretraining.tokens import take_tokens
from tests.core.freezing import dropped_gradients as freezing
from tests.marks import thorough_on

CLIPS = freezing.clips(1)
GREY = 128


def all_knowing(**kwargs):
    """A model that predicts every hidden patch rightly."""
    model = freezing.build_model(**kwargs)
    patches = model.encoder.patchify(CLIPS)

    def predict_hidden(features, visible, hidden, grid):
        truth = take_tokens(patches, hidden, model.masks_per_clip)
        if model.objective.normalize_pixels:
            truth = normalize(truth, model.objective.epsilon)
        return (truth,)

    model.predict_hidden = predict_hidden
    return model


def coverage(model):
    """Boolean arrays of the clips' shape: pixels seen and pixels scored."""
    grid = model.encoder.grid(CLIPS.shape[1:4])
    masks = model.draw_masks(len(CLIPS), grid, training=False)[0]
    return [cover(model, indices, grid) for indices in masks]


def cover(model, indices, grid):
    """Where the tokens of the first mask of each clip lie."""
    indices = ops.convert_to_numpy(indices)[:: model.masks_per_clip]
    tokens = np.zeros((len(CLIPS), np.prod(grid), 1), "float32")
    np.put_along_axis(tokens, indices[..., None], 1.0, axis=1)
    patches = np.repeat(tokens, model.encoder.patch_dim, axis=-1)
    pixels = ops.convert_to_numpy(model.encoder.to_pixels(patches, grid))
    return pixels > pixels.mean()


@thorough_on("tensorflow")
@pytest.mark.parametrize("masks_per_clip", [1, 2])
@pytest.mark.parametrize("normalize_pixels", [True, False])
def test_right_predictions_give_the_clips_back(
    normalize_pixels, masks_per_clip
):
    model = all_knowing(
        objective=MaskedAutoencoding(normalize_pixels=normalize_pixels),
        masks_per_clip=masks_per_clip,
    )

    _, predicted = Reconstruction(model)(CLIPS)

    assert predicted.dtype == "uint8"
    np.testing.assert_array_equal(predicted, CLIPS)


def test_another_objective_can_begin_with_pixels():
    model = freezing.build_model(objective=VJEPA(teacher="frozen"))

    masked, complete = Reconstruction(model)(CLIPS)

    assert masked.shape == complete.shape == CLIPS.shape
    assert not np.array_equal(masked, complete)


def test_hidden_patches_are_grey_and_visible_ones_as_they_were():
    model = all_knowing()
    seen, scored = coverage(model)

    masked, _ = Reconstruction(model)(CLIPS)

    assert seen.mean() == scored.mean() == 0.5
    np.testing.assert_array_equal(masked[seen], CLIPS[seen])
    assert (masked[scored] == GREY).all()


def test_patches_that_are_not_decoded_stay_grey():
    model = all_knowing(target_fraction=0.5)
    seen, scored = coverage(model)

    _, predicted = Reconstruction(model)(CLIPS)

    shown = seen | scored
    assert shown.mean() == 0.75
    np.testing.assert_array_equal(predicted[shown], CLIPS[shown])
    assert (predicted[~shown] == GREY).all()


def test_predictions_out_of_range_are_clipped():
    model = freezing.build_model(
        objective=MaskedAutoencoding(normalize_pixels=False)
    )
    model.predictor.pixel_head.bias.assign(
        ops.full(model.predictor.pixel_head.bias.shape, 1e3)
    )
    _, scored = coverage(model)

    _, predicted = Reconstruction(model)(CLIPS)

    assert (predicted[scored] == 255).all()


def test_the_same_patches_are_hidden_at_every_call():
    model = freezing.build_model()

    first, _ = Reconstruction(model)(CLIPS)
    model.batches_seen.assign(7)
    second, _ = Reconstruction(model)(CLIPS)

    np.testing.assert_array_equal(first, second)


def test_a_model_that_predicts_latents_is_refused():
    model = freezing.build_model()
    model.compile(keras.optimizers.SGD(1e-2))
    FreezeScheduler(NeverFreezeSchedule(), model).freeze(1)

    with pytest.raises(ValueError, match=r"target_layers=\(1,\)"):
        Reconstruction(model)(CLIPS)
