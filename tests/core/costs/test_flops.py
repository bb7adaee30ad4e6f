"""The counted cost of a step against what compilers and counters say."""

import pathlib

import keras
import numpy as np
import pytest

from layerlock import backends
from layerlock.backends import contract
from layerlock.core.costs.flops import BlockSizes, StepSizes
from layerlock.core.costs.sizes import ProjectorSizes
from layerlock.core.freezing.scheduler import FreezeScheduler
from layerlock.core.freezing.schedules import NeverFreezeSchedule
from layerlock.core.pretraining.masks import MultiBlockMask, RandomMask
from layerlock.core.pretraining.model import MaskedPretraining
from layerlock.core.pretraining.objectives.lejepa import LeJEPA
from layerlock.core.pretraining.objectives.mae import MaskedAutoencoding
from layerlock.core.pretraining.objectives.vjepa import VJEPA
from layerlock.models.predictor import LatentPredictor
from layerlock.models.projector import Projector
from layerlock.models.video_encoder import VideoEncoder

BACKEND = keras.backend.backend()
BATCH_SIZE = 8
STAGES = (0, 1, 3)
TARGETS = {
    "latents": STAGES,
    "pixels": STAGES,
    "vjepa": (0, 4),
    "vjepa with a gradient": (1,),
    "fixed teacher": (0, 3),
    "visible patches": (1,),
}


@pytest.fixture
def elementwise(monkeypatch):
    """The module, which only benchmarks use."""
    monkeypatch.syspath_prepend(
        pathlib.Path(__file__).parents[3] / "benchmarks"
    )
    import elementwise

    return elementwise


def wide_model(target, remat="none"):
    """Wide, since elementwise work is not counted and shrinks with width."""
    encoder = VideoEncoder(
        num_layers=4,
        num_heads=4,
        hidden_dim=256,
        mlp_dim=1024,
        patch_size=(2, 8, 8),
        clip_shape=(8, 32, 32),
        num_decoder_layers=1,
        remat=remat,
    )
    objective = {
        "vjepa": VJEPA(),
        "vjepa with a gradient": VJEPA("self", target_gradient=True),
        "fixed teacher": VJEPA("fixed"),
        "visible patches": VJEPA(visible_weight=0.5),
        "views": LeJEPA(num_slices=256),
    }.get(target) or MaskedAutoencoding(target=target)
    is_random = target in ("latents", "pixels", "views")
    model = MaskedPretraining(
        encoder,
        objective,
        mask=RandomMask(0.75) if is_random else MultiBlockMask(),
        fixed_teacher=wider_teacher() if target == "fixed teacher" else None,
    )
    model.compile(keras.optimizers.AdamW(1e-3), jit_compile=BACKEND == "jax")
    return model


def wider_teacher():
    return VideoEncoder(
        num_layers=6,
        num_heads=6,
        hidden_dim=384,
        mlp_dim=1536,
        patch_size=(2, 8, 8),
        clip_shape=(8, 32, 32),
        name="teacher",
    )


def clips():
    rng = np.random.default_rng(0)
    shape = (BATCH_SIZE, 8, 32, 32, 3)
    return rng.integers(0, 256, shape, dtype="uint8")


def stages(model, numbers=STAGES):
    """Freezes what each stage has frozen; yields the stage's number."""
    scheduler = FreezeScheduler(NeverFreezeSchedule(), model)
    for frozen_layers in numbers:
        if frozen_layers:
            scheduler.freeze(frozen_layers)
        yield frozen_layers


@pytest.mark.skipif(BACKEND != "jax", reason="XLA's cost analysis")
# The others are compared with the counter of PyTorch below.
@pytest.mark.parametrize(
    "target",
    [
        pytest.param(target, marks=pytest.mark.thorough)
        if target not in ("pixels", "vjepa")
        else target
        for target in TARGETS
    ],
)
def test_the_count_agrees_with_the_compiler(elementwise, target):
    model = wide_model(target)
    sizes = StepSizes.of(model, (8, 32, 32), BATCH_SIZE)
    for frozen_layers in stages(model, TARGETS[target]):
        model.train_on_batch(clips())
        measured = backends.measure_step(model).flops
        stage = frozen_layers, model.target_layers
        products = sizes.step_flops(*stage)
        counted = products + elementwise.step_flops(sizes, *stage)
        assert products == pytest.approx(measured, rel=0.05), frozen_layers
        assert counted == pytest.approx(measured, rel=0.015), frozen_layers


@pytest.mark.skipif(BACKEND != "jax", reason="XLA's cost analysis")
def test_the_count_of_compared_views_agrees_with_the_compiler():
    model = wide_model("views")
    sizes = StepSizes.of(model, (8, 32, 32), BATCH_SIZE)
    for frozen_layers in stages(model, (0, 4)):
        model.train_on_batch(clips())
        measured = backends.measure_step(model).flops
        products = sizes.step_flops(frozen_layers, ())
        assert products == pytest.approx(measured, rel=0.1), frozen_layers


@pytest.mark.skipif(BACKEND != "torch", reason="PyTorch's counter")
@pytest.mark.parametrize("target", [*TARGETS, "views"])
def test_the_count_agrees_with_the_counter(target):
    from torch.utils.flop_counter import FlopCounterMode

    model = wide_model(target)
    sizes = StepSizes.of(model, (8, 32, 32), BATCH_SIZE)
    for frozen_layers in stages(model, TARGETS.get(target, (0, 4))):
        model.train_on_batch(clips())  # builds the optimizer
        with FlopCounterMode(display=False) as counter:
            model.train_on_batch(clips())
        products = sizes.step_flops(frozen_layers, model.target_layers)
        attention = attention_flops(sizes, frozen_layers, model.target_layers)
        # The counter does not know attention that is fused on a CPU.
        measured = counter.get_total_flops() + attention
        assert products == pytest.approx(measured, rel=0.05), frozen_layers


def counted_by_pytorch(layer, tokens, *arguments, **keywords) -> int:
    """FLOPs of a layer on frozen tokens, forward and backward."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        outputs = layer(tokens, *arguments, **keywords)
        sum(output.sum() for output in outputs).backward()
    return counter.get_total_flops()


def frozen_step(layer, targets, **sizes) -> tuple:
    """FLOPs of a predictor after a frozen encoder: counted, and found.

    Args:
        layer: a predictor for tokens of width 256.
        targets: tuple of ints, its target layers.
        **sizes: of `StepSizes`, those of the predictor.
    """
    encoder = VideoEncoder(
        num_layers=2,
        num_heads=2,
        hidden_dim=256,
        mlp_dim=16,
        patch_size=(2, 8, 8),
        clip_shape=(8, 32, 32),
        num_decoder_layers=0,
    )
    positions = encoder.token_positions()[None]
    found = counted_by_pytorch(
        layer,
        keras.random.normal((1, 48, 256)),
        *(positions[:, :48], positions[:, 48:]),
        encoder,
        targets,
    )
    sizes = StepSizes(BlockSizes.of(encoder), 0, 384, 64, **sizes)
    counted = sizes.step_flops(2, targets)
    before = sizes.visible_flops(2) + sizes.target_flops(targets, 2)
    return counted - before, found


@pytest.mark.skipif(BACKEND != "torch", reason="PyTorch's counter")
def test_a_projector_of_a_frozen_encoder_passes_a_gradient_to_its_norm():
    projector = Projector(256, mlp_dim=32, embedding_dim=16)

    counted, found = frozen_step(
        projector,
        (),
        masks=((48, 0),),
        projector=ProjectorSizes(*projector.mlp_sizes),
    )

    assert counted == found


@pytest.mark.skipif(BACKEND != "torch", reason="PyTorch's counter")
def test_a_predictor_of_a_frozen_encoder_passes_a_gradient_to_its_norm():
    predictor = LatentPredictor(
        256, 384, num_layers=1, num_heads=2, predictor_dim=16
    )
    inner = BlockSizes(*predictor.block_sizes)

    counted, found = frozen_step(
        predictor, (2,), masks=((48, 16),), predictor=inner
    )

    # The counter does not know attention that is fused on a CPU.
    assert counted == found + 3 * 4 * 64 * 16 * inner.hidden_dim


def attention_flops(sizes, frozen_layers, target_layers):
    """Scores and weighted sums alone, forward and backward."""

    def attend(num_tokens, stack=sizes.encoder, num_queries=None):
        pairs = num_tokens * (num_queries or num_tokens)
        return 4 * pairs * stack.hidden_dim

    total, trained = 0, sizes.num_encoding - frozen_layers
    for num_visible, num_decoded in sizes.masks:
        total += attend(num_visible) * (frozen_layers + 3 * trained)
        together = num_visible + num_decoded
        stack, number = sizes.decoder
        if number:
            total += 3 * attend(together, stack) * (number - 1)
            total += 3 * attend(together, stack, num_decoded)
    total *= sizes.masks_per_clip
    deepest = max(target_layers, default=0)
    if deepest:
        moving = deepest - frozen_layers if sizes.target_gradient else 0
        passes = deepest + 2 * max(moving, 0)
        last = 3 if moving > 0 else 1
        [(num_tokens, num_queries)] = sizes.target_passes
        stack = sizes.target_encoder
        total += (passes - last) * attend(num_tokens, stack)
        total += last * attend(num_tokens, stack, num_queries)
    return sizes.batch_size * total


@pytest.mark.skipif(BACKEND != "torch", reason="PyTorch's counter")
@pytest.mark.parametrize("policy", ["blocks", "attention", "every_2"])
@pytest.mark.parametrize("target", ["pixels", "vjepa"])
def test_what_is_computed_again_agrees_with_the_counter(target, policy):
    from torch.utils.flop_counter import FlopCounterMode

    def measured(model):
        model.train_on_batch(clips())
        with FlopCounterMode(display=False) as counter:
            model.train_on_batch(clips())
        return counter.get_total_flops()

    plain, model = wide_model(target), wide_model(target, remat=policy)
    counts = [
        StepSizes.of(one, (8, 32, 32), BATCH_SIZE) for one in (plain, model)
    ]
    stage = 0, model.target_layers
    again = counts[1].step_flops(*stage) - counts[0].step_flops(*stage)

    # The counter does not know attention that is fused on a CPU.
    attention = 0
    for width, one, num_tokens, num_queries in attending(counts[1]):
        if one != "none":
            attention += 4 * num_tokens * num_queries * width * BATCH_SIZE
    found = measured(model) - measured(plain) + attention
    assert again == pytest.approx(found, rel=0.01)


def attending(sizes):
    """Width, policy, tokens and queries of each block."""
    for seen, scored in sizes.masks:
        together = seen + scored
        for number, policy in enumerate(sizes.remat):
            if number < sizes.num_encoding:
                yield sizes.encoder.hidden_dim, policy, seen, seen
            else:  # the last one
                yield sizes.encoder.hidden_dim, policy, together, scored
        if sizes.predictor:
            width = sizes.predictor.hidden_dim
            for policy, queries in sizes.predictor_blocks(scored):
                yield width, policy, together, queries or together


@pytest.mark.skipif(
    BACKEND == "tensorflow", reason="says nothing of memory on a CPU"
)
@pytest.mark.parametrize("target", ["latents", "pixels"])
def test_memory_falls_at_every_event(target):
    model = wide_model(target)
    activations, slots = [], []
    for _ in stages(model):
        model.train_on_batch(clips())
        activations.append(backends.measure_step(model).activation_bytes)
        slots.append(contract.variable_bytes(model.optimizer.variables))

    assert activations == sorted(activations, reverse=True)
    assert len(set(activations)) == len(STAGES)
    assert slots == sorted(slots, reverse=True)
    assert len(set(slots)) == len(STAGES)


def test_freezing_saves_with_pixel_targets_and_may_cost_with_latent_ones():
    sizes = StepSizes.of(wide_model("pixels"), (8, 32, 32), 1)
    pixels = [sizes.step_flops(k) for k in STAGES]
    latents = [sizes.step_flops(k, (k,)) for k in STAGES]

    assert pixels == sorted(pixels, reverse=True)
    # 16 of 64 tokens are visible: fewer than half.
    assert latents == sorted(latents)


def test_masks_of_one_clip_share_the_target_pass():
    sizes = dict(
        encoder=BlockSizes(6, 32, 64),
        num_decoder_layers=1,
        patch_dim=48,
        num_tokens=64,
        masks=((16, 48),),
    )
    one, two = (StepSizes(**sizes, masks_per_clip=n) for n in (1, 2))
    shared, longer = (of.target_flops((3,)) for of in (one, two))

    assert two.step_flops(3, (3,)) - longer == 2 * (
        one.step_flops(3, (3,)) - shared
    )
    # The last block, at the patches that any of them scores.
    block = one.encoder.block_flops
    assert longer - shared == block(64) - block(64, 48)


def test_queries_that_nobody_reads_cost_nothing():
    block = BlockSizes(1, 32, 64)

    of_keys = 2 * 64 * 2 * 32 * 32
    assert block.block_flops(64, 0) == of_keys
    assert block.block_flops(64) - of_keys == 64 * (
        block.block_flops(64, 1) - of_keys
    )
    assert block.activations(64, 0) == 4 * 64 * 32


def test_targets_of_what_is_scored_cost_a_pass_per_mask():
    sizes = StepSizes(
        encoder=BlockSizes(6, 32, 64),
        num_decoder_layers=1,
        patch_dim=48,
        num_tokens=64,
        masks=((16, 12), (8, 12)),
        masks_per_clip=2,
        target_context="scored",
    )
    assert sizes.target_passes == ((28, 12), (20, 12), (28, 12), (20, 12))
    assert sizes.target_flops((3,)) == 2 * sum(
        sizes.embedding_flops(n)
        + 2 * sizes.encoder.block_flops(n)
        + sizes.encoder.block_flops(n, 12)
        for n in (28, 20)
    )
