"""The cost of the steps of a run, over its freezes."""

from layerlock.core.costs.cumulative import cumulative_flops


def test_cumulative_cost_follows_the_events():
    events = [(10, 1), (20, 2)]
    flops_at = {0: 5, 1: 3, 2: 1}.get

    assert cumulative_flops(0, events, flops_at) == 0
    assert cumulative_flops(10, events, flops_at) == 50
    assert cumulative_flops(15, events, flops_at) == 65
    assert cumulative_flops(30, events, flops_at) == 50 + 30 + 10
    assert cumulative_flops(30, events, flops_at, 2) == 180
