"""Steps that are compiled for devices which do not exist."""

import json
import os
import subprocess
import sys

import keras
import pytest

if keras.backend.backend() != "jax":
    pytest.skip("the programs are JAX's", allow_module_level=True)

from layerlock.backends.jax import planning
from layerlock.core.costs import memory
from layerlock.core.costs.distribution import DeviceCost
from layerlock.core.costs.flops import StepSizes
from tests.backends.jax import planned

SHARE = 1 - 1 / 8  # of a tensor, that a device sends
MOMENTS = 4 * planned.WIDTH**2  # of features, a sum that every device has
MATRICES = 4 * (4 * planned.WIDTH**2 + 2 * planned.WIDTH * planned.MLP)


@pytest.fixture(scope="module")
def steps():
    wanted = ["data:2048:1,2,3", "fsdp:2048:1,3", "fsdp:8192:3"]
    process = subprocess.run(
        [sys.executable, "-m", "tests.backends.jax.planned", *wanted],
        env={**os.environ, **planning.planning_environment(8)},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return json.loads(process.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def sizes():
    return StepSizes.of(planned.build(0), planned.CLIP_SHAPE, 2048)


def fall(steps, distribution, kind, stages=(1, 3)):
    """How much less is sent after more blocks froze."""
    before, after = (
        steps[f"{distribution}:2048:{frozen}"]["sent"][kind]
        for frozen in stages
    )
    return before - after


def of_weights(step):
    """Bytes sent, without the moments of features, which are measured."""
    return sum(step["sent"].values()) - 2 * SHARE * MOMENTS


@pytest.mark.parametrize("stages", [(1, 2), (2, 3)])
def test_a_frozen_block_has_no_part_in_sums_of_gradients(steps, sizes, stages):
    block = 4 * sizes.encoder.block_weights

    assert fall(steps, "data", "all-reduce", stages) == pytest.approx(
        2 * SHARE * block, rel=1e-3
    )


@pytest.mark.parametrize("kind", ["all-gather", "reduce-scatter"])
def test_shards_of_a_frozen_block_get_no_gradient(steps, kind):
    # Nor are they gathered in the backward pass.
    expected = 2 * SHARE * MATRICES
    assert fall(steps, "fsdp", kind) == pytest.approx(expected, rel=1e-3)


def test_a_device_holds_its_share_of_the_state(steps, sizes):
    trained = memory.num_trained(sizes, 1)
    whole = 4 * (memory.num_weights(sizes) + 2 * trained)

    held = {
        kind: steps[f"{kind}:2048:1"]["state"] - MOMENTS
        for kind in ("data", "fsdp")
    }
    assert held["fsdp"] <= 1.1 * whole / 8
    assert held["data"] == pytest.approx(whole, rel=0.01)


def test_weights_travel_and_features_do_not(steps):
    few, many = (steps[f"fsdp:{batch}:3"] for batch in (2048, 8192))

    assert of_weights(many) == of_weights(few)
    assert not {"all-to-all", "collective-permute"} & many["sent"].keys()


@pytest.mark.parametrize("distribution", ["data", "fsdp"])
@pytest.mark.parametrize("frozen", [1, 3])
def test_devices_exchange_what_sizes_say(steps, sizes, distribution, frozen):
    counted = DeviceCost.of(sizes, (8, 1), distribution == "fsdp", frozen)

    sent = of_weights(steps[f"{distribution}:2048:{frozen}"])
    assert sent == pytest.approx(counted.bytes_sent, rel=0.05)


def test_the_flags_of_the_user_are_kept(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math=false")

    flags = planning.planning_environment(16)["XLA_FLAGS"].split()

    assert flags == [
        "--xla_cpu_enable_fast_math=false",
        "--xla_force_host_platform_device_count=16",
    ]
