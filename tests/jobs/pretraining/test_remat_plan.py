"""The plan of a run with each policy of rematerialisation."""

import dataclasses

from layerlock.config.encoder import REMAT
from layerlock.core.costs.accelerators import ACCELERATORS
from layerlock.jobs.pretraining import costs, method, remat_plan
from tests.recipes.running import configure


def test_a_plan_has_every_policy_with_memory_and_flops():
    config = configure("pretrain", "--preset=video_vit_tiny").resolve()
    words, found = [], {}

    remat_plan.add(config, method.build(config), words, found)

    policies = found["remat"]
    assert list(policies) == list(REMAT)
    own = costs.count(config, method.build(config))
    assert policies["none"]["peak_memory_bytes"] == own.peak_memory
    assert policies["none"]["flops"] == own.flops
    for name in REMAT[1:]:
        assert policies[name]["flops"] > own.flops, name
        assert any(line.split()[:1] == [name] for line in words)
    least = min(REMAT, key=lambda name: policies[name]["peak_memory_bytes"])
    assert least == "blocks"


def test_only_accelerators_of_enough_memory_fit():
    assert remat_plan.fitting(1) == list(ACCELERATORS)
    assert remat_plan.fitting(100e9) == ["H200", "TPU v5p"]
    assert remat_plan.fitting(200e9) == []


def test_a_policy_for_the_plan_is_as_if_the_run_had_it():
    config = configure("pretrain", "--preset=video_vit_tiny").resolve()
    other = config.but(remat="every_2").resolve()

    counted = costs.count(config, method.build(config), remat="every_2")

    assert dataclasses.asdict(counted) == dataclasses.asdict(
        costs.count(other, method.build(other))
    )
