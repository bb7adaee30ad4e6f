"""Seconds of a step, from the figures of the makers of accelerators."""

import pytest

from layerlock.core.costs.accelerators import (
    ACCELERATORS,
    ARITHMETIC_SHARE,
    BANDWIDTH_SHARE,
)


@pytest.mark.parametrize("name", ACCELERATORS)
def test_figures_have_a_source(name):
    assert ACCELERATORS[name].source.startswith("https://")


def test_arithmetic_and_collectives_take_time_of_their_own():
    h100 = ACCELERATORS["H100"]

    seconds = h100.step_seconds(989e12, 450e9, num_devices=8)

    assert seconds == pytest.approx((1 / ARITHMETIC_SHARE, 1 / BANDWIDTH_SHARE))


def test_hosts_of_gpus_are_joined_by_a_slower_network():
    h100, tpu = ACCELERATORS["H100"], ACCELERATORS["TPU v5p"]

    for accelerator, ratio in ((h100, 450 / 400), (tpu, 1.0)):
        _, within = accelerator.step_seconds(0, 1e9, num_devices=8)
        _, across = accelerator.step_seconds(0, 1e9, num_devices=16)
        assert across / within == pytest.approx(ratio)
