"""A V-JEPA step against plain NumPy: masks, teacher, predictor and loss."""

import keras
import numpy as np
import pytest

from layerlock import backends
from layerlock.core.pretraining.model import MaskedPretraining
from layerlock.core.pretraining.objectives.vjepa import VJEPA
from layerlock.models.video_encoder import VideoEncoder
from tests.marks import thorough_on
from tests.models import networks
from tests.reference import encoder as reference, multiblock, predictor

CLIP_SHAPE = (4, 16, 16)
SEED, NUM_STEPS = 3, 3
MOMENTUM = 0.9


@pytest.fixture(scope="module", params=[0.0, 0.5], ids=["hidden", "visible"])
def model(request):
    encoder = VideoEncoder(
        num_layers=3,
        num_heads=2,
        hidden_dim=24,
        mlp_dim=20,
        patch_size=(2, 4, 4),
        clip_shape=CLIP_SHAPE,
        num_decoder_layers=0,
        name="encoder",
    )
    networks.randomise(encoder)
    objective = VJEPA(
        momentum=MOMENTUM,
        final_momentum=MOMENTUM,
        target_layer=2,
        visible_weight=request.param,
        visible_warmup=(0, 2) if request.param else None,
        steps=NUM_STEPS,
    )
    model = MaskedPretraining(encoder, objective, seed=SEED)
    networks.randomise(model.predictor, seed=1)
    model.compile(keras.optimizers.SGD(0.1))
    return model


def clips(step):
    rng = np.random.default_rng(step)
    return rng.integers(0, 256, (3, *CLIP_SHAPE, 3), dtype="uint8")


def expected_loss(model, step, student, teacher):
    """The loss of a step, from weights alone."""
    encoder, mask = model.encoder, model.mask
    grid = encoder.grid()
    sizes = [mask._sizes(share, *grid[1:]) for _, share in mask.blocks]
    masks = multiblock.multiblock_masks(
        3, grid, mask.blocks, sizes, mask.counts(grid), SEED, step
    )
    patches = np.stack(
        [reference.patchify(clip, encoder.patch_size) for clip in clips(step)]
    )
    patches = reference.standardise(patches, 0.5, 0.25)
    twins = [
        reference.Encoder(weights, 3, 2, "rotary")
        for weights in (student, teacher)
    ]
    return predictor.vjepa_loss(
        *twins,
        networks.weights(model.predictor),
        model.predictor.num_heads,
        patches,
        masks,
        layer=2,
        visible_weight=model.objective.visible_weight * step / (2 * NUM_STEPS),
    )


@thorough_on("jax")
def test_masks_teacher_and_loss_are_those_of_the_reference(model):
    teacher = networks.weights(model.encoder)
    teacher = {path: np.float64(value) for path, value in teacher.items()}
    for step in range(NUM_STEPS):
        student = networks.weights(model.encoder)
        expected = expected_loss(model, step, student, teacher)

        logs = model.train_on_batch(clips(step), return_dict=True)

        assert float(logs["batch_loss"]) == pytest.approx(expected, rel=1e-5)
        backends.sync_state(model)
        for path, value in networks.weights(model.encoder).items():
            teacher[path] = MOMENTUM * teacher[path] + (1 - MOMENTUM) * value
        for path, value in networks.weights(model.teacher).items():
            networks.assert_close(value, teacher[path])
