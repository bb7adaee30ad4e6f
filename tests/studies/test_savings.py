"""The study of savings, up to where it trains."""

import json

import keras
import pytest

from layerlock.studies import savings
from tests.recipes.running import call, configure, refusal

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="one backend is enough"
)


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
    config = configure("savings", "--run_dir=x", *given)
    arguments = savings.unfrozen(config).arguments()
    assert arguments == ["--steps=40", "--schedule=never"]

    # Its targets are layers without a freeze, too.
    vjepa = configure("savings", "--objective=vjepa", *given)
    assert "--target_context=scored" in savings.unfrozen(vjepa).arguments()
