"""What a process holds and sends, against what sizes say."""

import keras
import numpy as np
import pytest

from layerlock import backends
from layerlock.backends.contract import variable_bytes
from layerlock.core.costs.distribution import DeviceCost
from layerlock.core.costs.flops import StepSizes
from layerlock.core.freezing.scheduler import FreezeScheduler
from layerlock.core.freezing.schedules import NeverFreezeSchedule
from layerlock.core.pretraining.masks import MultiBlockMask, RandomMask
from layerlock.core.pretraining.model import MaskedPretraining
from layerlock.core.pretraining.objectives.vjepa import VJEPA
from layerlock.models.video_encoder import VideoEncoder

if keras.backend.backend() != "torch":
    pytest.skip("for PyTorch only", allow_module_level=True)

from tests.backends.torch.distribution.traffic import Counter

CLIP_SHAPE = (4, 32, 32)
NUM_PROCESSES = 4
STAGES = (0, 1, 3)
CASES = {
    "mae": {"objective": "mae", "mask": RandomMask(0.5)},
    "two kinds of masks": {"objective": "vjepa"},
    "a pass per kind": {"objective": "vjepa", "target_context": "scored"},
    "moving targets": {"objective": VJEPA("self", target_gradient=True)},
    "fixed teacher": {"objective": VJEPA("fixed")},
}


@pytest.fixture
def four_processes():
    """Four processes, of which three are imagined: they send nothing."""
    import torch
    from torch.testing._internal.distributed.fake_pg import FakeStore

    torch.distributed.init_process_group(
        "fake", store=FakeStore(), rank=0, world_size=NUM_PROCESSES
    )
    yield
    torch.distributed.destroy_process_group()


def encoder(hidden_dim, **arguments):
    return VideoEncoder(
        num_layers=6,
        num_heads=4,
        hidden_dim=hidden_dim,
        mlp_dim=4 * hidden_dim,
        patch_size=(2, 8, 8),
        clip_shape=CLIP_SHAPE,
        num_decoder_layers=1,
        **arguments,
    )


def build(objective, mask=None, **arguments):
    """Wide, as norms and biases are not gathered like matrices."""
    is_fixed = getattr(objective, "teacher", "") == "fixed"
    model = MaskedPretraining(
        encoder(64),
        objective,
        mask=mask or MultiBlockMask(),
        fixed_teacher=encoder(96, name="teacher") if is_fixed else None,
        **arguments,
    )
    model.compile(keras.optimizers.AdamW(1e-3), jit_compile=False)
    return model


def held_bytes(model) -> int:
    """Weights of encoder, predictor and teacher, the shared ones once."""
    parts = [model.encoder, model.predictor, model.teacher]
    if model.fixed_teacher is not None:
        parts.append(model.fixed_teacher.encoder)
    variables = [v for part in parts if part for v in part.variables]
    return variable_bytes({id(v): v for v in variables}.values())


def sent_bytes(model) -> float:
    """Sent in a step: of a whole tensor, all but the part of the process."""
    clips = np.zeros((2, *CLIP_SHAPE, 3), "uint8")
    with Counter(model) as counter:
        model.train_on_batch(clips)
    return counter.bytes * (1 - 1 / NUM_PROCESSES)


@pytest.mark.parametrize("case", CASES)
def test_a_process_holds_and_sends_what_sizes_say(four_processes, case):
    with backends.distributed("fsdp"):
        model = build(**CASES[case])
        sizes = StepSizes.of(model, CLIP_SHAPE, 2 * NUM_PROCESSES)
        scheduler = FreezeScheduler(NeverFreezeSchedule(), model)
        for frozen_layers in STAGES:
            if frozen_layers:
                scheduler.freeze(frozen_layers)
            counted = DeviceCost.of(
                sizes,
                (NUM_PROCESSES, 1),
                is_sharded=True,
                frozen_layers=frozen_layers,
                target_layers=model.target_layers,
                joins_frozen=backends.joins_frozen(),
            )
            sent = sent_bytes(model)
            assert sent == pytest.approx(counted.bytes_sent, rel=0.05)
            held = held_bytes(model)
            assert held == pytest.approx(counted.memory.weights, rel=0.01)
