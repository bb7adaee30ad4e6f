"""The page of a probe says what was found, and how."""

import pytest

from layerlock.evaluation import probing, report
from tests.evaluation import toys

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")


def page(task, readout, **changes):
    result = probing.probe(toys.Encoder(), task, readout, layer=1)
    config = {
        "command": "python recipes/probe.py",
        "backend": "torch",
        "encoder": "runs/<mine>",
        "student": False,
        "task": "planted",
        "readout": readout,
        "layer": result.layer,
        "seconds": 61.0,
        "problems": ["1 videos cannot be read: a.mp4."],
        "examples": {s: len(f) for s, f in result.features.items()},
        "metrics": result.metrics,
        **changes,
    }
    return report.page(config, task, toys.Encoder(), result), result


def test_the_page_of_a_probe_says_what_was_found():
    text, result = page(toys.PlantedTask(), "knn")

    assert f"{result.metrics['top1']['value']:.3f}" in text
    for fact in ("2 frames of 2x2", "1 videos cannot be read", "1 min 1 s"):
        assert fact in text
    assert "runs/<mine>" not in text and "runs/&lt;mine&gt;" in text


def test_the_setting_that_was_chosen_is_marked():
    text, result = page(toys.PlantedTask(), "knn")

    scores = [trial["top1"] for trial in result.trials]
    chosen = result.trials[scores.index(max(scores))]["neighbours"]
    assert text.count("(chosen)") == 1
    assert f"neighbours {chosen} (chosen)" in text
