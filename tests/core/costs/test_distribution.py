"""A device's part of a step, counted from sizes."""

import dataclasses

import pytest

from layerlock.core.costs.distribution import DeviceCost
from layerlock.core.costs.flops import BlockSizes, StepSizes
from layerlock.core.costs.memory import StepMemory

SIZES = StepSizes(BlockSizes(6, 64, 256), 1, 96, 64, ((16, 48),), batch_size=32)
BLOCK = 4 * SIZES.encoder.block_weights
SHARE = 1 - 1 / 8


def cost(is_sharded, frozen_layers=0, target_layers=(0,), mesh=(8, 1)):
    return DeviceCost.of(SIZES, mesh, is_sharded, frozen_layers, target_layers)


def test_shards_are_an_eighth_of_everything():
    whole, held = StepMemory.of(SIZES), cost(is_sharded=True).memory

    for part, all_of_it in dataclasses.asdict(whole).items():
        assert getattr(held, part) == all_of_it // 8


def test_copies_share_the_batch_alone():
    whole, held = StepMemory.of(SIZES), cost(is_sharded=False).memory

    assert (held.weights, held.slots) == (whole.weights, whole.slots)
    assert held.activations == whole.activations // 8


def test_a_model_axis_splits_weights_and_not_clips():
    line, square = cost(True), cost(True, mesh=(4, 2))

    assert square.memory.weights == line.memory.weights
    assert square.memory.activations == 2 * line.memory.activations
    assert square.bytes_sent == pytest.approx(
        line.bytes_sent / 2 * (3 / 4) / (7 / 8), abs=1
    )


@pytest.mark.parametrize("is_sharded", [False, True])
def test_what_is_sent_falls_with_every_frozen_block(is_sharded):
    sent = [cost(is_sharded, frozen).bytes_sent for frozen in (1, 2, 3)]

    # Copies scatter and gather the sum of its gradient; shards are gathered
    # for its backward pass and scatter the sum.
    for before, after in zip(sent, sent[1:], strict=False):
        assert before - after == pytest.approx(2 * SHARE * BLOCK, abs=1)


def joined(frozen_layers=0, target_layers=(0,), **changes):
    """The cost where frozen weights are joined, of which `SIZES` differ."""
    sizes = dataclasses.replace(SIZES, **changes)
    stage = frozen_layers, target_layers
    return DeviceCost.of(sizes, (8, 1), True, *stage, joins_frozen=True)


def test_joined_weights_are_whole_on_every_device():
    embedding = 4 * (96 + 1) * 64
    none, three = joined().memory, joined(3).memory

    assert none == cost(True).memory
    whole = 3 * BLOCK + embedding
    assert three.weights - none.weights == whole - whole // 8


def test_a_fixed_teacher_is_whole_where_weights_are_joined():
    wide = BlockSizes(2, 96, 384)

    plain, taught = joined(), joined(fixed_teacher=wide)

    # It has wider features, which the head of latents predicts.
    heads = 4 * (64 + 1) * (96 - 64) // 8
    teacher = 4 * (2 * wide.block_weights + (96 + 1) * 96)
    more = taught.memory.weights - plain.memory.weights
    assert more == pytest.approx(teacher + heads, abs=4)
    assert taught.bytes_sent == plain.bytes_sent


def test_joined_blocks_are_not_sent_again():
    pixels = [joined(frozen).bytes_sent for frozen in (1, 2, 3)]
    latents = [joined(frozen, (frozen,)).bytes_sent for frozen in (1, 2, 3)]

    for sent in (pixels, latents):
        for before, after in zip(sent, sent[1:], strict=False):
            assert before - after == pytest.approx(3 * SHARE * BLOCK, abs=1)


def test_each_kind_of_mask_gathers_and_sums_anew():
    one, two = joined(), joined(masks=2 * SIZES.masks)

    assert two.bytes_sent == 2 * one.bytes_sent


def test_a_target_pass_gathers_frozen_blocks_a_second_time():
    pixels = cost(True, 3, (0,)).bytes_sent
    latents = cost(True, 3, (3,)).bytes_sent

    head = 4 * (64 + 1) * (96 - 64)  # the pixel head's is larger
    assert latents - pixels == pytest.approx(
        SHARE * (3 * BLOCK - 2 * head), rel=1e-3
    )


def test_gradients_of_whole_weights_are_sent_in_their_own_precision():
    def sent(is_sharded, size):
        return DeviceCost.of(
            SIZES, (8, 1), is_sharded, bytes_per_number=size
        ).bytes_sent

    assert sent(False, 2) == sent(False, 4)
    assert sent(True, 2) == sent(True, 4) / 2


def test_a_teacher_sends_the_blocks_below_its_target():
    taught = dataclasses.replace(SIZES, has_teacher=True)

    first, second = (
        DeviceCost.of(taught, (8, 1), True, target_layers=(k,)).bytes_sent
        for k in (1, 2)
    )
    assert second - first == BLOCK * SHARE
