"""What a run would cost, and what it saved."""

import json
import subprocess
import sys

import keras
import pytest

from layerlock.core.costs.flops import StepSizes
from tests.recipes.running import ROOT, call, environment, load, refusal

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
    "collapsing": [
        "--objective=vjepa",
        "--schedule=never",
        "--teacher=self",
        "--target_gradient",
    ],
    "tiny": ["--preset=video_vit_tiny", "--size=64", "--frames=16", "--remat"],
}


@pytest.fixture
def planning(common, monkeypatch):
    import common.plan
    import common.training

    return common


def choose(common, *arguments):
    return common.settings.read(arguments)


@pytest.mark.parametrize("name", PLANNED)
def test_sizes_from_flags_are_those_of_the_model(planning, name):
    chosen, method = choose(planning, *PLANNED[name])
    model = planning.building.build_model(chosen, method)
    shape = model.encoder.clip_shape

    assert planning.plan.step_sizes(chosen, method) == StepSizes.of(
        model, shape, chosen["batch_size"]
    )


def test_a_plan_has_a_stage_for_every_freeze(planning):
    found = planning.plan.plan(*choose(planning, "--target=pixels"))
    facts = planning.plan.as_json(found)

    assert facts["first_step"] == [0, 600, 680, 760, 840]
    assert facts["frozen_layers"] == [0, 1, 2, 3, 4]
    for name in ("flops", "flops_unfrozen", "peak_memory_bytes"):
        assert len(facts[name]) == 5
    assert facts["flops"][0] == facts["flops_unfrozen"][0]
    assert facts["flops"][1] < facts["flops_unfrozen"][1]
    assert facts["ratio"] == sum(facts["flops"]) / sum(facts["flops_unfrozen"])
    assert "840" in planning.plan.table(found)


def test_latents_are_compared_with_what_an_unfrozen_run_predicts(planning):
    found = planning.plan.plan(*choose(planning))

    assert found.stages[-1].target_layers == (4,)
    assert found.unfrozen.target_layers == (0,)


def test_accumulated_batches_count(planning):
    once, twice = (
        planning.plan.plan(*choose(planning, f"--accumulation={n}"))
        for n in (1, 2)
    )
    assert twice.flops == 2 * once.flops
    assert twice.stages[0].memory == once.stages[0].memory


def test_what_decides_while_it_trains_cannot_be_planned(planning):
    chosen = choose(planning, "--schedule=converged")
    with pytest.raises(ValueError, match="nothing can be planned"):
        planning.plan.plan(*chosen)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--run_dir is missing"),
        (["--run_dir=x", "--schedule=never"], "what the run is compared with"),
        (["--run_dir=x", "--resume"], "leave --resume out"),
        (["--run_dir=x", "--max_frozen_layers=7"], "At most 6"),
        (["--plan", "--schedule=converged"], "nothing can be planned"),
    ],
)
def test_mistakes_are_named_before_anything_is_trained(arguments, message):
    assert message in refusal("savings", *arguments)


def test_the_largest_model_is_planned_without_being_built(capsys):
    call(
        "savings",
        "--plan",
        "--target=pixels",
        "--preset=video_vit_enormous",
        "--steps=480000",
    )
    facts = json.loads(capsys.readouterr().out.splitlines()[-1])

    assert facts["flops"][0] > 1e18
    assert facts["peak_memory_bytes"][0] > 16 * 3.8e9


def test_the_run_without_a_freeze_takes_no_flags_about_freezes():
    given = ["--target_context=scored", "--interval=50", "--steps=40"]
    savings = load("savings")
    savings.FLAGS(["savings.py", "--run_dir=x", *given])
    assert savings.unfrozen() == ["--steps=40", "--schedule=never"]

    vjepa = load("savings")  # whose targets are layers without a freeze, too
    vjepa.FLAGS(["savings.py", "--objective=vjepa", *given])
    assert "--target_context=scored" in vjepa.unfrozen()


@pytest.mark.slow
def test_two_runs_are_compared_and_not_repeated(small, tmp_path):
    command = [
        sys.executable,
        str(ROOT / "recipes" / "savings.py"),
        f"--run_dir={tmp_path}",
        *small,
        "--steps=12",
        "--batch_size=4",
    ]

    def run():
        return subprocess.run(
            command, env=environment(), capture_output=True, text=True
        )

    first = run()
    assert first.returncode == 0, first.stderr[-4000:]
    facts = json.loads(first.stdout.splitlines()[-1])
    assert 0 < facts["ratio"] < 1
    assert facts["flops"] < facts["flops_unfrozen"]
    assert (tmp_path / "savings.png").stat().st_size > 10_000
    assert json.loads((tmp_path / "savings.json").read_text()) == facts

    again = run()
    assert "Training" not in again.stdout
    for name in ("never", "freezing"):
        assert f"Taking {tmp_path / name}, complete." in again.stdout
    assert json.loads(again.stdout.splitlines()[-1]) == facts
