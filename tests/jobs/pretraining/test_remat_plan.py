"""The plan of a run with each policy of rematerialisation."""

import dataclasses

import pytest

import layerlock
from layerlock import backends
from layerlock.config import OptionError, PretrainConfig
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


def planned(*flags):
    """Last line, and what programs get, of the policies of a plan."""
    config = configure("pretrain", "--plan", *flags).resolve()
    words, found = [], {}
    remat_plan.add(config, method.build(config), words, found)
    return words[-1], found


def test_without_a_size_of_the_memory_nothing_is_chosen():
    words, found = planned()

    assert words.startswith("Accelerators: ")
    assert list(found) == ["remat"]


def test_the_policy_with_the_fewest_flops_that_fits_is_named():
    _, found = planned("--preset=video_vit_tiny")
    policies = found["remat"]
    for gigabytes in (
        policies["none"]["peak_memory_bytes"] / 1e9,
        policies["attention"]["peak_memory_bytes"] / 1e9,
        policies["blocks"]["peak_memory_bytes"] / 1e9,
    ):
        words, found = planned(
            "--preset=video_vit_tiny", f"--memory_gigabytes={gigabytes}"
        )

        fits = [
            one["flops"]
            for one in policies.values()
            if one["peak_memory_bytes"] <= gigabytes * 1e9
        ]
        chosen = found["remat_choice"]["policy"]
        assert policies[chosen]["flops"] == min(fits)
        assert f"remat={chosen} needs the fewest FLOPs" in words
    assert chosen == "blocks"


def test_where_none_fits_the_largest_batch_that_does_is_named():
    flags = ("--preset=video_vit_tiny", "--memory_gigabytes=0.1")

    words, found = planned(*flags)

    batch = found["remat_choice"]["largest_batch"]
    assert found["remat_choice"]["policy"] is None
    assert "No policy of remat fits in 0.1 GB: remat=blocks" in words
    assert f"Lower batch_size to {batch} or less" in words
    _, fitting = planned(*flags, f"--batch_size={batch}")
    assert fitting["remat_choice"] == {"policy": "blocks"}
    _, too_large = planned(*flags, f"--batch_size={batch + 1}")
    assert too_large["remat_choice"]["largest_batch"] == batch


def test_weights_that_do_not_fit_need_a_smaller_network():
    words, found = planned("--memory_gigabytes=0.001")

    assert found["remat_choice"] == {"policy": None, "largest_batch": 0}
    assert "take a smaller preset" in words


def test_each_of_several_devices_has_the_memory():
    flags = ("--preset=video_vit_tiny", "--memory_gigabytes=0.1")
    spread = (*flags, "--devices=8", "--distribution=fsdp")

    one, words = planned(*flags)[1], planned(*spread)[0]

    assert one["remat_choice"]["policy"] is None
    assert "fit in 0.1 GB on each of 8 devices" in words
    # Frozen weights are whole on each device, or in parts.
    memory, batch = (0.02, 24) if backends.joins_frozen() else (0.014, 16)
    _, tight = planned(*spread, f"--memory_gigabytes={memory}")
    assert tight["remat_choice"] == {"policy": None, "largest_batch": batch}


def test_the_plan_of_savings_has_the_choice_too():
    plan = layerlock.savings(plan=True, memory_gigabytes=80)

    assert plan.facts["remat_choice"] == {"policy": "none"}
    assert any("fit in 80 GB, remat=none" in line for line in plan.lines)


def test_the_size_of_the_memory_is_for_a_plan_of_one_run():
    with pytest.raises(OptionError, match="`memory_gigabytes` is for `plan`"):
        PretrainConfig.of(memory_gigabytes=80).resolve()
    with pytest.raises(OptionError, match="`memory_gigabytes` plans one run"):
        layerlock.convergence(plan=True, memory_gigabytes=80)
    with pytest.raises(OptionError, match="above 0"):
        PretrainConfig.of(memory_gigabytes=0)
