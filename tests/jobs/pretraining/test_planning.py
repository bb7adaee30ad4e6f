"""Plans of a run on devices that need not exist."""

import dataclasses

import keras
import pytest

import layerlock
from layerlock.backends.planned import Collective, PlannedStep
from layerlock.config import OptionError, PretrainConfig
from layerlock.core.costs.accelerators import ACCELERATORS
from layerlock.core.costs.sizes import BlockSizes
from layerlock.jobs.pretraining import (
    compiling,
    costs,
    method as methods,
    plan_text,
    planning,
)
from tests.models import networks
from tests.recipes.running import resolved

FLAGS = ("--plan", "--devices=8", "--distribution=fsdp")
STAGES = [0, 1, 4]  # of the default run: nothing, one freeze, the last one


def step(frozen_layers):
    """A step as a compiler may find it: blocks are alike."""
    sizes = {"all-gather": 1000, "reduce-scatter": 800 - 80 * frozen_layers}
    return PlannedStep(
        weight_bytes=100,
        slot_bytes=200 - 20 * frozen_layers,
        scratch_bytes=50,
        collectives=tuple(
            Collective(kind, size, 8, "") for kind, size in sizes.items()
        ),
    )


@pytest.fixture
def compiled(monkeypatch):
    def compile_steps(config, stages):
        return [step(frozen) for frozen in stages]

    monkeypatch.setattr(compiling, "compile_steps", compile_steps)


def planned(*flags):
    config, method = resolved(*FLAGS, *flags)
    return config, planning.plan(config, costs.count(config, method))


def test_three_stages_are_compiled(compiled):
    _, found = planned()

    assert [one.stage.frozen_layers for one in found.stages] == STAGES
    assert found.is_compiled


def test_stages_between_them_lie_on_a_line(compiled):
    _, found = planned()

    first, second, last = (one.all_sent for one in found.stages)
    assert first == found.bytes_sent(0)
    assert found.bytes_sent(2) == pytest.approx(second + (last - second) / 3)
    assert found.bytes_sent(4) == last


def test_batches_of_an_optimizer_step_are_added_up(compiled):
    _, one = planned()
    _, four = planned("--accumulation=4")

    assert four.stages[0].all_sent == 4 * one.stages[0].all_sent
    assert four.stages[0].flops == 4 * one.stages[0].flops


def test_the_sum_of_accumulated_gradients_is_a_slot_of_the_state(compiled):
    _, one = planned()
    _, four = planned("--accumulation=4")

    # A weight and two slots, or three; almost all weights are trained.
    share = four.state_ratio / one.state_ratio
    assert share == pytest.approx(3 / 4, rel=0.05)


def test_a_run_without_a_freeze_takes_the_first_step_all_along(compiled):
    config, found = planned("--schedule=never")
    chip = ACCELERATORS["H200"]

    seconds = chip.step_seconds(
        found.stages[0].flops, found.stages[0].all_sent, 8
    )
    days = 8 * config.training.steps / 86_400
    expected = (days * max(seconds), days * sum(seconds))
    assert found.device_days(chip) == pytest.approx(expected)
    assert found.device_days(chip, unfrozen=True) == pytest.approx(expected)


def test_a_run_without_a_freeze_sends_the_weights_of_its_own_teacher(compiled):
    # A step takes as long as it sends.
    slow = dataclasses.replace(ACCELERATORS["H200"], bandwidth=1e-6)

    def days(*flags):
        _, found = planned("--objective=vjepa", *flags)
        _, waiting = found.device_days(slow, unfrozen=True)
        return waiting / found.stages[0].all_sent, found.unfrozen_ratio

    frozen, ratio = days()
    never, own = days("--schedule=never")

    # Its teacher computes all blocks, and that of the first stage one.
    assert ratio > 1 == own
    assert frozen == pytest.approx(ratio * never)


def test_the_text_says_what_a_device_holds_and_sends(compiled):
    text = "\n".join(plan_text.lines(*planned()))

    assert "8 devices, distribution=fsdp, 4 clips" in text
    assert "all-gather 875 B, reduce-scatter 700 B" in text
    assert "times its share" not in text
    for name in ACCELERATORS:
        assert name in text


def test_weights_that_are_copied_are_named(monkeypatch):
    copied = dataclasses.replace(step(0), weight_bytes=10**9)
    monkeypatch.setattr(
        compiling, "compile_steps", lambda config, stages: [copied] * 3
    )

    text = "\n".join(plan_text.lines(*planned()))

    assert "times its share" in text
    assert "4,2" in text


@pytest.mark.skipif(
    keras.backend.backend() == "jax", reason="JAX compiles instead"
)
def test_other_backends_count_and_say_which_one_compiles():
    config, found = planned()

    first, last = found.stages[0], found.stages[-1]
    assert not found.is_compiled
    assert last.slot_bytes < first.slot_bytes
    assert plan_text.as_json(found)["stages"][0]["bytes_sent"]["all"] > 0
    assert "KERAS_BACKEND=jax" in "\n".join(plan_text.lines(config, found))


@pytest.mark.skipif(
    keras.backend.backend() == "jax", reason="JAX compiles instead"
)
@pytest.mark.parametrize(
    "flags, on_torch",
    [
        (["--distribution=data"], 1),
        (["--distribution=data", "--mixed_precision=float16"], 4),
        (["--distribution=fsdp"], 4),
    ],
)
def test_accumulated_batches_are_counted_as_often_as_they_are_sent(
    flags, on_torch
):
    _, one = planned(*flags)
    _, four = planned(*flags, "--accumulation=4")

    times = on_torch if keras.backend.backend() == "torch" else 4
    assert four.stages[0].all_sent == times * one.stages[0].all_sent


@pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="joins weights that are fixed"
)
def test_a_fixed_teacher_is_not_a_weight_that_cannot_be_split():
    config, method = resolved(*FLAGS)
    counted = costs.count(config, method)
    teacher = BlockSizes(24, 1024, 4096)
    sizes = dataclasses.replace(counted.sizes, fixed_teacher=teacher)

    found = planning.plan(config, dataclasses.replace(counted, sizes=sizes))

    assert found.state_ratio == pytest.approx(1, rel=1e-3)
    assert found.stages[0].weight_bytes > 4 * 24 * teacher.block_weights


def test_a_plan_builds_the_encoder_that_a_run_begins_with(tmp_path):
    small = networks.small_encoder(
        num_layers=2,
        num_decoder_layers=1,
        patch_size=(2, 8, 8),
        clip_shape=(4, 16, 16),
    )
    small.save_to_preset(tmp_path / "small")
    config = PretrainConfig.of(
        init_from=str(tmp_path / "small"),
        distribution="fsdp",
        devices=8,
        batch_size=8,
        plan=True,
        mask="random",
        mask_ratio=0.5,
        mixed_precision="bfloat16",
    ).resolve()

    model = compiling._build(config, methods.build(config), 0)

    assert (model.encoder.num_layers, model.encoder.name) == (2, "encoder")
    assert model.encoder.dtype_policy.compute_dtype == "bfloat16"


@pytest.mark.parametrize(
    "options, sentence",
    [
        ({"devices": 8, "plan": True}, "distribution=none"),
        ({"devices": 8, "distribution": "fsdp"}, "for `plan`"),
        (
            {"devices": 8, "distribution": "fsdp", "batch_size": 12},
            "cannot be split over 8",
        ),
    ],
)
def test_what_cannot_be_planned_is_refused(options, sentence):
    options = {"plan": "batch_size" in options, **options}

    with pytest.raises(OptionError, match=sentence):
        layerlock.pretrain(**options)


@pytest.mark.thorough
@pytest.mark.skipif(
    keras.backend.backend() != "jax", reason="JAX alone compiles"
)
def test_a_plan_compiles_in_a_process_of_its_own(capfd):
    plan = layerlock.pretrain(plan=True, devices=8, distribution="fsdp")

    found = plan.facts["on_devices"]
    assert found["is_compiled"]
    stages = found["stages"]
    for part in ("weight_bytes", "slot_bytes", "scratch_bytes"):
        assert stages[0][part] > 0
    sums = [stage["bytes_sent"]["reduce-scatter"] for stage in stages]
    assert sums == sorted(sums, reverse=True)
    assert "Compiling 3 steps" in capfd.readouterr().err
