"""The counted weights and bytes of a step against a model's own."""

import dataclasses

import keras
import numpy as np
import pytest

from layerlock.backends import contract
from layerlock.core.costs import memory
from layerlock.core.costs.flops import StepSizes
from layerlock.core.freezing.scheduler import FreezeScheduler
from layerlock.core.freezing.schedules import NeverFreezeSchedule
from layerlock.core.pretraining.masks import MultiBlockMask, RandomMask
from layerlock.core.pretraining.model import MaskedPretraining
from layerlock.core.pretraining.objectives.lejepa import LeJEPA
from layerlock.core.pretraining.objectives.mae import MaskedAutoencoding
from layerlock.core.pretraining.objectives.vjepa import VJEPA
from layerlock.models import remat
from layerlock.models.video_encoder import VideoEncoder

CLIP_SHAPE = (8, 32, 32)
OBJECTIVES = {
    "pixels": (MaskedAutoencoding(target="pixels"), RandomMask(0.75)),
    "latents": (MaskedAutoencoding(), RandomMask(0.75)),
    "all targets": (MaskedAutoencoding(all_targets=True), RandomMask(0.75)),
    "vjepa": (VJEPA(), MultiBlockMask()),
    "fixed teacher": (VJEPA("fixed"), MultiBlockMask()),
    "views": (LeJEPA(), RandomMask(0.75)),
}


def encoder_of(num_layers, width):
    return VideoEncoder(
        num_layers=num_layers,
        num_heads=2,
        hidden_dim=width,
        mlp_dim=2 * width,
        patch_size=(2, 8, 8),
        clip_shape=CLIP_SHAPE,
        num_decoder_layers=1,
    )


def model_of(name):
    objective, mask = OBJECTIVES[name]
    teacher = encoder_of(5, 48) if objective.teacher == "fixed" else None
    model = MaskedPretraining(
        encoder_of(4, 32), objective, mask=mask, fixed_teacher=teacher
    )
    model.compile(keras.optimizers.AdamW(1e-3), jit_compile=False)
    return model


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_weights_are_those_of_the_model(name):
    model = model_of(name)
    sizes = StepSizes.of(model, CLIP_SHAPE, 2)
    # Counters and what is measured of a step.
    state = [model.batches_seen, model.updates_seen, model.health]
    others = contract.variable_bytes([*state, model.feature_moments])
    scheduler = FreezeScheduler(NeverFreezeSchedule(), model)
    for frozen_layers in (0, 1, 3):
        if frozen_layers:
            scheduler.freeze(frozen_layers)
        counted = memory.StepMemory.of(
            sizes, frozen_layers, model.target_layers
        )
        held = contract.variable_bytes(model.variables) - others
        trained = contract.variable_bytes(model.trainable_variables)

        assert counted.weights == held
        assert counted.gradients == trained
        assert counted.slots == 2 * trained


def test_the_peak_falls_with_every_frozen_layer():
    sizes = StepSizes.of(model_of("pixels"), CLIP_SHAPE, 8)
    peaks = [memory.StepMemory.of(sizes, k).peak for k in range(4)]

    assert np.all(np.diff(peaks) < 0)


def test_remat_and_half_precision_keep_less():
    model = model_of("pixels")
    sizes = StepSizes.of(model, CLIP_SHAPE, 8)
    whole = memory.activation_bytes(sizes)
    kept = []
    for policy in ("blocks", "every_2", "none"):
        policies = remat.of_blocks(policy, model.encoder.num_layers)
        again = dataclasses.replace(sizes, remat=policies)
        kept.append(memory.activation_bytes(again))

    assert kept == sorted(set(kept))
    assert kept[-1] == whole
    assert memory.activation_bytes(sizes, bytes_per_number=2) == whole / 2
