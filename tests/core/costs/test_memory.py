"""The counted weights and bytes of a step against a model's own."""

import dataclasses

import keras
import numpy as np
import pytest

from layerlock import backends
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
from layerlock.models.float8 import Float8Policy
from layerlock.models.video_encoder import VideoEncoder

CLIP_SHAPE = (8, 32, 32)
OBJECTIVES = {
    "pixels": (MaskedAutoencoding(target="pixels"), RandomMask(0.75)),
    "latents": (MaskedAutoencoding(), RandomMask(0.75)),
    "all targets": (MaskedAutoencoding(all_targets=True), RandomMask(0.75)),
    "vjepa": (VJEPA(), MultiBlockMask()),
    "fixed teacher": (VJEPA("fixed"), MultiBlockMask()),
    "visible patches": (VJEPA(visible_weight=0.5), MultiBlockMask()),
    "views": (LeJEPA(), RandomMask(0.75)),
}


def encoder_of(num_layers, width, **arguments):
    return VideoEncoder(
        num_layers=num_layers,
        num_heads=2,
        hidden_dim=width,
        mlp_dim=2 * width,
        patch_size=(2, 8, 8),
        clip_shape=CLIP_SHAPE,
        num_decoder_layers=1,
        **arguments,
    )


def model_of(name, width=32, **arguments):
    objective, mask = OBJECTIVES[name]
    teacher = encoder_of(5, 48) if objective.teacher == "fixed" else None
    encoder = encoder_of(4, width, **arguments)
    model = MaskedPretraining(
        encoder,
        objective,
        mask=mask,
        fixed_teacher=teacher,
        dtype=encoder.dtype_policy,
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


@pytest.mark.skipif(
    keras.backend.backend() != "torch",
    reason="TensorFlow measures no memory on a CPU, and XLA adds its scratch",
)
@pytest.mark.parametrize(
    "dtype", ["float32", "mixed_bfloat16", Float8Policy()], ids=str
)
@pytest.mark.parametrize("name", ["pixels", "latents", "vjepa"])
def test_the_peak_is_the_measured_one(name, dtype):
    # Wide, and one clip: weights take most of the memory.
    model = model_of(name, width=192, dtype=dtype)
    sizes = StepSizes.of(model, CLIP_SHAPE, 1)
    scheduler = FreezeScheduler(NeverFreezeSchedule(), model)
    for frozen_layers in (0, 2):
        if frozen_layers:
            scheduler.freeze(frozen_layers)
        for _ in range(2):  # the first step makes the slots
            model.train_on_batch(np.zeros((1, *CLIP_SHAPE, 3), "uint8"))

        measured = backends.measure_step(model).peak_bytes
        planned = memory.StepMemory.of(
            sizes,
            frozen_layers,
            model.target_layers,
            bytes_per_number=4 if dtype == "float32" else 2,
            float8=isinstance(dtype, Float8Policy),
        )

        assert planned.peak == pytest.approx(measured, rel=0.05)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_mixed_precision_adds_a_copy_of_each_trained_matrix(name):
    model = model_of(name)
    sizes = StepSizes.of(model, CLIP_SHAPE, 1)
    kernels = sum(
        np.prod(variable.shape)
        for layer in (*model.encoder.blocks, model.predictor)
        for variable in layer.trainable_variables
        if variable.name.endswith("kernel")
    )

    whole = memory.StepMemory.of(sizes, 0, model.target_layers)
    half = memory.StepMemory.of(
        sizes, 0, model.target_layers, bytes_per_number=2
    )

    assert whole.copies == 0
    assert half.weights == whole.weights
    # Each kind of mask has its own.
    assert half.copies == 2 * len(sizes.masks) * kernels
    frozen = memory.num_copied(sizes, 2, model.target_layers)
    block = sizes.encoder.block_kernels
    assert half.copies / 2 - frozen == 2 * len(sizes.masks) * block


def test_a_predictor_that_is_computed_again_keeps_less():
    plain, model = model_of("vjepa"), model_of("vjepa", remat="blocks")
    sizes, again = (StepSizes.of(one, CLIP_SHAPE, 8) for one in (plain, model))
    encoder_alone = dataclasses.replace(again, predictor_remat=())

    kept = [
        memory.activation_bytes(one) for one in (again, encoder_alone, sizes)
    ]

    assert kept == sorted(set(kept))
