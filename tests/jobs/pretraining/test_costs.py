"""The costs of a run, counted from its configuration."""

import dataclasses

import keras
import pytest

from layerlock.core.costs.flops import BlockSizes, StepSizes
from layerlock.jobs.pretraining import building, costs
from layerlock.models import presets
from layerlock.models.video_encoder import VideoEncoder
from tests.recipes.running import resolved

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="one backend is enough"
)
PLANNED = {
    "mae": [],
    "pixels": ["--target=pixels", "--target_fraction=0.25"],
    "all targets": ["--objective_args=all_targets=True"],
    "scored": ["--target_fraction=0.25", "--target_context=scored"],
    "two masks": ["--masks_per_clip=2", "--mask=tube"],
    "vjepa": ["--objective=vjepa"],
    "visible": ["--objective=vjepa", "--objective_args=visible_weight=0.5"],
    "vjepa again": ["--objective=vjepa", "--remat=every_2"],
    "collapsing": [
        "--objective=vjepa",
        "--schedule=never",
        "--teacher=self",
        "--target_gradient",
    ],
    "tiny": ["--preset=video_vit_tiny", "--size=64", "--frames=16", "--remat"],
}


@pytest.fixture
def teacher(tmp_path):
    sizes = {**presets.PRESETS["video_vit_nano"], "num_layers": 3}
    encoder = VideoEncoder(**{**sizes, "hidden_dim": 48, "mlp_dim": 60})
    encoder.save_to_preset(tmp_path / "teacher")
    return tmp_path / "teacher"


def test_a_fixed_teacher_counts_with_its_own_size(teacher):
    config, method = resolved("--objective=vjepa", f"--teacher={teacher}")
    model = building.build_model(config, method)
    counted = costs.count(config, method)

    assert counted.sizes == StepSizes.of(model, (8, 32, 32), 32)
    assert counted.sizes.fixed_teacher == BlockSizes(3, 48, 60, 4)
    assert counted.stages[-1].target_layers == (3,)
    share = counted.teacher_share
    assert 0.02 < share < 0.5
    assert f"The teacher takes {share:.0%} of them." in costs.table(counted)


@pytest.mark.parametrize("name", PLANNED)
def test_sizes_from_flags_are_those_of_the_model(name):
    config, method = resolved(*PLANNED[name])
    model = building.build_model(config, method)
    shape = model.encoder.clip_shape

    assert costs.step_sizes(config, method) == StepSizes.of(
        model, shape, config.training.batch_size
    )


def test_a_plan_has_a_stage_for_every_freeze():
    counted = costs.count(*resolved("--target=pixels"))
    facts = costs.as_json(counted)

    assert facts["first_step"] == [0, 600, 680, 760, 840]
    assert facts["frozen_layers"] == [0, 1, 2, 3, 4]
    for name in ("flops", "flops_unfrozen", "peak_memory_bytes"):
        assert len(facts[name]) == 5
    assert facts["flops"][0] == facts["flops_unfrozen"][0]
    assert facts["flops"][1] < facts["flops_unfrozen"][1]
    assert facts["ratio"] == sum(facts["flops"]) / sum(facts["flops_unfrozen"])
    assert "840" in costs.table(counted)


def test_latents_are_compared_with_what_an_unfrozen_run_predicts():
    counted = costs.count(*resolved())

    assert counted.stages[-1].target_layers == (4,)
    assert counted.unfrozen.target_layers == (0,)


def test_accumulated_batches_count():
    once, twice = (
        costs.count(*resolved(f"--accumulation={n}")) for n in (1, 2)
    )
    assert twice.flops == 2 * once.flops
    # Their sum is one more slot.
    one, two = (counted.stages[0].memory for counted in (once, twice))
    assert two == dataclasses.replace(one, slots=one.slots * 3 // 2)


def test_what_decides_while_it_trains_cannot_be_planned():
    with pytest.raises(ValueError, match="nothing can be planned"):
        costs.count(*resolved("--schedule=converged"))
