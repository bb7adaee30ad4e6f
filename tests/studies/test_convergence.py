"""The study of convergence: its summary, and what it refuses."""

import shlex

import keras
import pytest

from layerlock.studies import convergence
from layerlock.studies.figures import convergence as figures
from tests.recipes.running import configure, refusal, resolved

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="one backend is enough"
)


def losses(rows):
    """From rows of final losses, by layer, over steps 10, 20 and 30."""
    return {
        (layer, 10 * column): value
        for layer, row in rows.items()
        for column, value in enumerate(row, start=1)
    }


@pytest.mark.parametrize(
    ("rows", "safe"),
    [
        ({1: (1.2, 1.0, 1.0), 2: (1.3, 1.2, 1.0)}, [[20, 1], [30, 2]]),
        ({1: (1.0, 1.0, 1.0), 2: (1.0, 1.0, 1.0)}, [[10, 2]]),
        # By chance at 10, not at 20: safe from 30 on.
        ({1: (1.0, 1.2, 1.0), 2: (1.2, 1.2, 1.2)}, [[30, 1]]),
        # What freezes both cannot be safer than what freezes one.
        ({1: (1.2, 1.2, 1.0), 2: (1.0, 1.0, 1.0)}, [[30, 2]]),
        ({1: (1.2, 1.2, 1.2), 2: (float("nan"),) * 3}, []),
    ],
)
def test_a_layer_is_safe_from_a_step_on(rows, safe):
    found = figures.summarise(losses(rows), base=1.0, tolerance=0.05)

    assert found["safe"] == safe
    assert bool(found["flags"]) == bool(safe)


def test_the_flags_are_a_schedule():
    rows = {1: (1.2, 1.0, 1.0), 2: (1.3, 1.2, 1.0)}
    found = figures.summarise(losses(rows), base=1.0, tolerance=0.05)
    flags = [*shlex.split(found["flags"]), "--steps=40"]
    _, method = resolved(*flags)

    assert method.schedule.events(40) == [(20, 1), (30, 2)]
    assert found["flags"] in figures.table(found)


def test_the_picture_has_a_line_per_layer(tmp_path):
    rows = {1: (1.2, 1.0, 1.0), 2: (1.3, 1.2, 1.0)}
    found = figures.summarise(losses(rows), base=1.0, tolerance=0.05)
    figures.draw(found, tmp_path / "convergence.png")

    assert (tmp_path / "convergence.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--run_dir is missing"),
        (["--run_dir=x", "--resume"], "leave --resume out"),
        (["--run_dir=x", "--objective=vjepa"], "--objective=mae"),
        (["--run_dir=x", "--layers=7"], "from 1 to 6"),
        (["--run_dir=x", "--layers=two"], "whole numbers"),
        (["--run_dir=x", "--freeze_at=1000"], "before --steps=1000"),
        (["--run_dir=x", "--log_every=7"], "multiples of --log_every"),
        (
            ["--run_dir=x", "--freeze_at=250,333,600"],
            "1000 in all. Expected at most 50. Pass multiples of one larger "
            "number, such as --freeze_at=240,340,600.",
        ),
        (
            ["--run_dir=x", "--freeze_at=3,998", "--log_every=30"],
            "--freeze_at=30,990",
        ),
        (["--run_dir=x", "--mask_ratio=2"], "between 0 and 1"),
    ],
)
def test_mistakes_are_named_before_anything_is_trained(arguments, message):
    assert message in refusal("convergence", *arguments)


def test_branches_may_have_a_mini_warmup():
    config = configure("convergence", "--run_dir=x", "--mini_warmup_steps=5")
    assert (1, 100) in convergence.choose(config)[1]


@pytest.mark.parametrize("steps", [999, 1000, 1013])
def test_checkpoints_are_few_at_any_number_of_steps(steps):
    config = configure("convergence", "--run_dir=x", f"--steps={steps}")
    config, pairs = convergence.choose(config)

    trunk = convergence.trunk_config(config, pairs).resolve()

    assert trunk.run.checkpoint_every == steps // 10
    assert {step for _, step in pairs} == {
        steps // 10 * tenths for tenths in (1, 2, 4, 6, 8)
    }
