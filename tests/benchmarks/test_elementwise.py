"""What is no matrix product is counted where it happens.

`tests/core/costs/test_flops.py` compares the counts with the compiler's.
"""

import dataclasses

import pytest

from layerlock.core.costs.flops import BlockSizes, StepSizes
from layerlock.core.costs.sizes import ProjectorSizes

ENCODER = BlockSizes(6, 64, 256, num_heads=2)
SIZES = StepSizes(ENCODER, 2, 384, 512, masks=((26, 486),))


@pytest.fixture
def elementwise(benchmarks):
    """The module, which only benchmarks use."""
    import elementwise

    return elementwise


def changed(**settings):
    return dataclasses.replace(SIZES, **settings)


def test_every_freeze_saves(elementwise):
    counts = [elementwise.step_flops(SIZES, n) for n in range(5)]
    assert counts == sorted(counts, reverse=True)
    saved = [a - b for a, b in zip(counts[:-1], counts[1:], strict=True)]
    # Each block alike, but for the first: the embedding freezes with it.
    assert saved[0] > saved[1] == saved[2] == saved[3]


def test_deeper_targets_cost_a_pass_over_the_whole_clip(elementwise):
    counts = [elementwise.step_flops(SIZES, 4, (n,)) for n in (1, 2, 3)]
    assert counts[2] - counts[1] == counts[1] - counts[0] > 0


def test_clips_count_alike_and_weights_once(elementwise):
    one, two, three = (
        elementwise.step_flops(changed(batch_size=n)) for n in (1, 2, 3)
    )
    assert three - two == two - one
    assert two < 2 * one


@pytest.mark.parametrize("number", [2, 3])
def test_masks_share_the_clip(elementwise, number):
    one = elementwise.step_flops(changed(batch_size=64))
    more = elementwise.step_flops(changed(batch_size=64, masks_per_clip=number))
    assert 0.9 * number * one < more < number * one


def test_fewer_scored_patches_cost_less(elementwise):
    assert elementwise.step_flops(
        changed(masks=((26, 49),))
    ) < 0.3 * elementwise.step_flops(SIZES)


def test_a_projector_has_no_targets_and_costs_what_it_averages(elementwise):
    views = changed(
        num_decoder_layers=0,
        masks=((26, 0),),
        projector=ProjectorSizes(64, 128, 32),
    )
    without = changed(num_decoder_layers=0, masks=((26, 0),))

    cost = elementwise.step_flops(views, 0, ())

    extra = cost - elementwise.step_flops(without, 0, ())
    assert 0 < extra < 0.1 * cost
