"""What the target layers say, of whole clips and of parts."""

import keras
import numpy as np
import pytest
from keras import ops

from layerlock.core.pretraining import target_pass
from layerlock.core.pretraining.objectives.vjepa import VJEPA
from layerlock.core.pretraining.tokens import take_tokens
from tests.core.freezing import dropped_gradients as freezing
from tests.models import networks


def test_the_outputs_are_those_of_the_encoder():
    encoder = networks.small_encoder()
    clips = networks.clips()
    patches = encoder.patchify(clips)

    found = target_pass.layer_outputs(
        encoder, patches, [1, 3], encoder.grid(), frozen_layers=2
    )

    features = encoder.features(clips, layers=["block_1", "block_3"])
    assert list(found) == [1, 3]
    for layer, name in ((1, "block_1"), (3, "block_3")):
        expected = ops.reshape(features[name], found[layer].shape)
        np.testing.assert_allclose(
            networks.numpy(found[layer]), networks.numpy(expected), rtol=1e-5
        )


def test_targets_of_the_last_block_are_read_after_the_last_norm():
    encoder = networks.small_encoder(final_norm=True)
    clips = networks.clips()
    patches = encoder.patchify(clips)

    found = target_pass.layer_outputs(encoder, patches, [3, 4], encoder.grid())

    features = encoder.features(clips, layers=["block_3", "final_norm"])
    for layer, name in ((3, "block_3"), (4, "final_norm")):
        expected = ops.reshape(features[name], found[layer].shape)
        np.testing.assert_allclose(
            networks.numpy(found[layer]), networks.numpy(expected), rtol=1e-5
        )


def test_nothing_runs_for_pixels():
    assert target_pass.layer_outputs(None, None, [], None) == {}


def test_parts_of_clips_are_seen_as_clips_of_these_patches():
    encoder = networks.small_encoder()
    patches = encoder.patchify(networks.clips())
    grid, batch = encoder.grid(), patches.shape[0]
    number = patches.shape[1] - 1
    indices = np.stack([np.arange(0, number, 2) + i % 2 for i in range(batch)])
    indices = ops.convert_to_tensor(indices, "int32")

    found = target_pass.layer_outputs(
        encoder, take_tokens(patches, indices), [2], grid, indices
    )[2]

    positions = ops.take(encoder.token_positions(grid), indices, axis=0)
    tokens = encoder.embed(take_tokens(patches, indices), positions, grid)
    expected = encoder(tokens, positions, last_layer=2)
    np.testing.assert_allclose(
        networks.numpy(found), networks.numpy(expected), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize(
    "objective",
    [
        "mae",
        VJEPA(target_layer=2),
        VJEPA(target_layer=2, visible_weight=0.5, visible_warmup=(0, 0)),
    ],
)
def test_targets_see_all_where_all_is_scored(objective):
    """Every patch is visible or scored: both contexts are the whole clip."""
    losses = []
    for context in target_pass.CONTEXTS:
        model = freezing.build_model(
            objective=objective, masks_per_clip=2, target_context=context
        )
        model.enter_stage(2)
        losses.append(loss_of(model, freezing.clips(1)))
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_targets_do_not_see_what_is_not_scored():
    model = freezing.build_model(target_fraction=0.5, target_context="scored")
    model.enter_stage(2)
    clips = freezing.clips(1)
    grid = model.encoder.grid()
    [(visible, hidden)] = model.draw_masks(len(clips), grid, training=False)
    seen = np.concatenate(
        [ops.convert_to_numpy(visible), ops.convert_to_numpy(hidden)], axis=1
    )
    patches = np.array(ops.convert_to_numpy(model.encoder.patchify(clips)))
    for row, indices in zip(patches, seen, strict=True):
        unseen = np.setdiff1d(np.arange(len(row)), indices)
        assert len(unseen) == 2
        row[unseen] += 100
    before = loss_of(model, clips)
    model.encoder.patchify = lambda clips: ops.convert_to_tensor(patches)

    assert loss_of(model, clips) == before
    model.target_context = "clip"
    assert loss_of(model, clips) != before


def loss_of(model, clips):
    return float(networks.numpy(model(clips)["loss"]))


@pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="the others trace whole steps"
)
@pytest.mark.parametrize("gradient", [False, True])
def test_nothing_is_kept_of_a_pass_without_a_gradient(gradient):
    import torch

    encoder, kept = networks.small_encoder(), []
    patches = encoder.patchify(networks.clips())

    with torch.autograd.graph.saved_tensors_hooks(kept.append, lambda x: x):
        target_pass.layer_outputs(
            encoder, patches, [2], encoder.grid(), gradient=gradient
        )

    assert bool(kept) == gradient
