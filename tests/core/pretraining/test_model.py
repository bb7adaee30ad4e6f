"""What the model sees, what it predicts, and where gradients go."""

import keras
import numpy as np
import pytest
from keras import ops

from layerlock.core.freezing.scheduler import FreezeScheduler
from layerlock.core.freezing.schedules import NeverFreezeSchedule
from layerlock.core.pretraining.masks import RandomMask, TubeMask
from layerlock.core.pretraining.model import MaskedPretraining
from layerlock.core.pretraining.objectives.mae import MaskedAutoencoding
from layerlock.models.decoder import PatchwiseDecoder
from tests.core.freezing import dropped_gradients as freezing
from tests.marks import thorough_on


def array(x):
    return ops.convert_to_numpy(x)


def frozen_model(frozen_layers, **kwargs):
    model = freezing.build_model(**kwargs)
    model.compile(keras.optimizers.SGD(1e-2))
    FreezeScheduler(NeverFreezeSchedule(), model).freeze(frozen_layers)
    return model


def loss_of(model, clips):
    return float(array(model(clips)["loss"]))


def train_on(model, clips):
    return model.train_on_batch(clips, return_dict=True)["loss"]


def masks_of(model, clips):
    grid = model.encoder.grid(clips.shape[1:4])
    return grid, model.draw_masks(len(clips), grid, training=False)[0]


def test_hidden_pixels_do_not_reach_the_visible_features():
    model = freezing.build_model()
    clips = freezing.clips(1)
    grid, (visible, hidden) = masks_of(model, clips)
    patches = array(model.encoder.patchify(clips))
    changed = patches.copy()
    np.put_along_axis(changed, array(hidden)[..., None], 9.0, axis=1)

    before = model.encode_visible(ops.convert_to_tensor(patches), visible, grid)
    after = model.encode_visible(ops.convert_to_tensor(changed), visible, grid)

    assert np.array_equal(array(before), array(after))


def test_visible_pixels_do_reach_the_visible_features():
    model = freezing.build_model()
    clips = freezing.clips(1)
    grid, (visible, _) = masks_of(model, clips)
    patches = model.encoder.patchify(clips)

    before = model.encode_visible(patches, visible, grid)
    after = model.encode_visible(patches + 1.0, visible, grid)

    assert not np.allclose(array(before), array(after))


@pytest.mark.parametrize("frozen_layers", [1, 3])
def test_the_target_is_the_frozen_prefix_on_the_whole_clip(frozen_layers):
    model = frozen_model(frozen_layers)
    clips = freezing.clips(1)
    seen = []
    compute = model.objective.compute_targets
    model.objective.compute_targets = lambda values, layer: (
        seen.append((array(values), layer)) or compute(values, layer)
    )

    model(clips)

    ((values, layer),) = seen
    _, (_, hidden) = masks_of(model, clips)
    name = f"block_{frozen_layers}"
    features = array(model.encoder.features(clips, layers=[name])[name])
    features = features.reshape(len(clips), -1, freezing.WIDTH)
    expected = np.take_along_axis(features, array(hidden)[..., None], axis=1)
    assert layer == frozen_layers
    np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-6)


def test_the_target_is_the_pixels_while_nothing_is_frozen():
    model = freezing.build_model()
    assert model.target_layers == (0,)


def test_no_gradient_reaches_the_frozen_layers():
    """Not even when their variables are asked for."""
    model = frozen_model(2)
    frozen = [
        v
        for unit in model.freezable_layers[:2]
        for layer in unit
        for v in layer.variables
    ]
    others = [v for v in model.encoder.blocks[2].variables if v.trainable]
    gradients = loss_gradients(model, freezing.clips(1), frozen + others)

    assert all(g is None or not np.any(g) for g in gradients[: len(frozen)])
    assert all(np.any(g) for g in gradients[len(frozen) :])


def loss_gradients(model, clips, variables):
    """Gradients of the loss, whatever `trainable` says."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        values = [v.value for v in variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(values)
            loss = model(clips)["loss"]
        gradients = tape.gradient(loss, values)
    elif backend == "torch":
        import torch

        values = [v.value.requires_grad_() for v in variables]
        loss = model(clips)["loss"]
        gradients = torch.autograd.grad(loss, values, allow_unused=True)
    else:
        import jax

        def loss_of(values):
            with keras.StatelessScope(
                state_mapping=list(zip(variables, values, strict=True))
            ):
                return model(clips)["loss"]

        gradients = jax.grad(loss_of)([v.value for v in variables])
    return [None if g is None else array(g) for g in gradients]


@thorough_on("jax")
def test_several_masks_per_clip_average_their_losses():
    one = freezing.build_model()
    two = freezing.build_model(masks_per_clip=2)
    clips = freezing.clips(1)

    doubled = np.repeat(clips, 2, axis=0)

    expected = loss_of(one, doubled)
    assert loss_of(two, clips) == pytest.approx(expected, rel=1e-5)


def test_a_fraction_of_the_hidden_patches_is_scored():
    model = freezing.build_model(target_fraction=0.5)
    _, (visible, hidden) = masks_of(model, freezing.clips(1))
    assert visible.shape[1] == 4
    assert hidden.shape[1] == 2


def test_every_batch_has_its_own_masks_and_held_out_masks_are_fixed():
    model = freezing.build_model()
    model.compile(keras.optimizers.SGD(0.0))
    clips = freezing.clips(1)
    losses = [train_on(model, clips) for _ in range(3)]
    held_out = [model.evaluate(clips, verbose=0) for _ in range(2)]

    assert len(set(losses)) == 3
    assert held_out[0] == held_out[1]
    assert int(model.batches_seen.numpy()) == 3


def test_all_targets_are_predicted_by_a_head_each():
    objective = MaskedAutoencoding(all_targets=True)
    model = frozen_model(2, objective=objective)
    assert model.target_layers == (0, 1, 2)
    assert len(model.predictor.latent_heads) == 3
    model.train_on_batch(freezing.clips(1))


def test_other_clips_than_those_it_was_made_for_work():
    model = freezing.build_model()
    model.compile(keras.optimizers.SGD(1e-2))
    clips = np.zeros((2, 8, 16, 12, 3), "uint8")
    assert np.isfinite(train_on(model, clips))


@pytest.mark.parametrize("frozen_layers", [0, 2])
def test_a_saved_model_comes_back_at_its_stage(tmp_path, frozen_layers):
    model = frozen_model(frozen_layers)
    clips = freezing.clips(1)
    model.train_on_batch(clips)
    path = tmp_path / "model.keras"

    model.save(path)
    restored = keras.saving.load_model(path)

    assert restored.frozen_layers == frozen_layers
    assert restored.target_layers == model.target_layers
    assert [v.path for v in restored.trainable_variables] == [
        v.path for v in model.trainable_variables
    ]
    for v, w in zip(model.variables, restored.variables, strict=True):
        assert np.array_equal(v.numpy(), w.numpy()), v.path
    slots = freezing.optimizer_slots(restored.optimizer)
    for key, value in freezing.optimizer_slots(model.optimizer).items():
        assert np.array_equal(slots[key], value), key


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"target_fraction": 0.0}, "target_fraction"),
        ({"masks_per_clip": 0}, "masks_per_clip"),
        ({"target_context": "all"}, "target_context='all'"),
        ({"masks_per_clip": 1.5}, "masks_per_clip=1.5"),
        ({"seed": -1}, "seed=-1"),
        ({"objective": "cosine"}, "Unknown Objective 'cosine'"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        freezing.build_model(**arguments)


def test_a_head_that_is_missing_is_missed_at_once():
    encoder = freezing.build_model().encoder
    predictor = PatchwiseDecoder(
        encoder.hidden_dim, encoder.patch_dim, 1, num_latent_heads=2
    )

    with pytest.raises(ValueError, match="No head predicts layer 3"):
        MaskedPretraining(
            encoder,
            MaskedAutoencoding(all_targets=True),
            RandomMask(0.5),
            predictor,
        )


def test_a_mask_that_hides_nothing_is_refused():
    encoder = freezing.build_model().encoder
    with pytest.raises(ValueError, match="hides nothing"):
        MaskedPretraining(encoder, mask=RandomMask(0.01))


def test_tube_masks_train_too():
    encoder = freezing.build_model().encoder
    model = MaskedPretraining(encoder, mask=TubeMask(0.5))
    model.compile(keras.optimizers.SGD(1e-2))
    assert np.isfinite(train_on(model, freezing.clips(1)))


def test_a_scope_that_recomputes_layers_is_refused():
    model = freezing.build_model()
    parts = model.encoder, model.objective, model.mask
    with keras.RematScope("full"):
        with pytest.raises(ValueError, match="remat='blocks'.*RematScope"):
            freezing.build_model()
        with pytest.raises(ValueError, match="remat='blocks'.*RematScope"):
            MaskedPretraining(*parts, predictor=model.predictor)

    MaskedPretraining(*parts, predictor=model.predictor)
