"""Last blocks that compute needed outputs only learn what whole ones learn."""

import keras
import numpy as np
import pytest

from layerlock.core.freezing.scheduler import FreezeScheduler
from layerlock.core.freezing.schedules import PiecewiseFreezeSchedule
from layerlock.core.pretraining.masks import MultiBlockMask
from layerlock.core.pretraining.objectives.mae import MaskedAutoencoding
from layerlock.core.pretraining.objectives.mae_latent import (
    MaskedAutoencodingWithLatents,
)
from layerlock.core.pretraining.objectives.vjepa import VJEPA
from layerlock.models import predictor, transformer, video_encoder
from tests.core.freezing import dropped_gradients as freezing
from tests.marks import thorough_on

BACKEND = keras.backend.backend()
KINDS = {
    "latents": {"objective": "mae"},
    "all targets": {
        "objective": MaskedAutoencoding(all_targets=True),
        "target_fraction": 0.5,
    },
    "target pass per mask": {
        "objective": "mae",
        "target_fraction": 0.5,
        "target_context": "scored",
    },
    "masks that score few": {
        "objective": VJEPA(steps=30),
        "mask": MultiBlockMask(blocks=((1, 0.2), (1, 0.3))),
        "target_fraction": 0.5,
        "masks_per_clip": 2,
    },
    "target with a gradient": {
        "objective": MaskedAutoencodingWithLatents(target_gradient=True),
        "target_fraction": 0.5,
    },
}


def losses(events, num_batches, **arguments):
    model = freezing.build_model(**arguments)
    model.compile(keras.optimizers.AdamW(1e-3))
    scheduler = FreezeScheduler(PiecewiseFreezeSchedule(events), model)
    _, found = freezing.fit(model, events, scheduler.freeze, num_batches)
    return [float(loss) for loss in found]


def whole_blocks(blocks, tokens, rotation, queries=None):
    for block in blocks:
        tokens = block(tokens, rotation)
    return transformer.run_blocks([], tokens, None, queries)


def both(monkeypatch, *arguments, **keywords):
    found = losses(*arguments, **keywords)
    for module in (predictor, video_encoder):
        monkeypatch.setattr(module, "run_blocks", whole_blocks)
    return found, losses(*arguments, **keywords)


# JAX and TensorFlow compile ten steps for it.
@(pytest.mark.slow if BACKEND == "torch" else pytest.mark.thorough)
@pytest.mark.parametrize("kind", KINDS)
def test_thirty_steps_with_three_freezes_lose_the_same(kind, monkeypatch):
    events = [(8, 1), (15, 2), (22, 3)]

    found, expected = both(monkeypatch, events, 30, **KINDS[kind])

    assert len(found) == 30
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@thorough_on("tensorflow")
def test_a_few_steps_lose_the_same(monkeypatch):
    arguments = {"masks_per_clip": 2, "target_fraction": 0.3}

    found, expected = both(
        monkeypatch, [(9, 3)], 3, **arguments, frozen_layers=2
    )

    np.testing.assert_allclose(found, expected, rtol=1e-5)
