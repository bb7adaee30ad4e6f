"""The page of a probe and that of a fine-tuning."""

import dataclasses
import functools

import pytest

from layerlock.evaluation import probes, probing
from layerlock.report import probe_page
from tests.evaluation import toys
from tests.report.pages import Page

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")

STEPS = [
    {"step": step, "loss": 1 / step, "frozen_layers": k, "top1": 0.1 * k}
    for step, k in ((10, 0), (20, 2), (30, 2))
]


@functools.cache
def probe(readout="knn", dense=False):
    task = toys.PlantedTask(dense)
    if readout in ("attentive", "linear"):
        readout = probes.get(readout, steps=60)
    return task, probing.probe(toys.Encoder(), task, readout, layer=1)


def page(task, result, kind="probe", **changes):
    config = {
        "command": "python recipes/probe.py",
        "backend": "torch",
        "encoder": "runs/mine",
        "student": False,
        "task": "planted",
        "readout": "knn",
        "layer": result.layer,
        "seconds": 61.0,
        "problems": [],
        "examples": {s: len(f) for s, f in result.features.items()},
        "metrics": result.metrics,
        **changes,
    }
    return Page(probe_page.page(config, task, toys.Encoder(), result, kind))


def test_the_page_of_a_probe_has_its_numbers_and_its_configuration():
    task, result = probe()

    shown = page(task, result, problems=["1 videos cannot be read: a.mp4."])

    for fact in (
        f"Top-1 accuracy {result.metrics['top1']['value']:.3f}",
        "Baseline: most frequent class",
        "encoder runs/mine",
        "clips 2 frames of 2×2",
        "Test examples 60",
        "120 for training, 40 for validation",
        "1 videos cannot be read: a.mp4.",
        "Duration: 1 min 1 s.",
        "python recipes/probe.py",
    ):
        assert fact in shown.words
    assert shown.open == []
    assert 'class="notice"' in shown.html


def test_the_selected_setting_is_marked():
    task, result = probe()

    text = page(task, result).words

    scores = [trial["top1"] for trial in result.trials]
    best = result.trials[scores.index(max(scores))]["neighbours"]
    assert text.count("(selected)") == 1
    assert f"neighbours {best} (selected)" in text


def test_the_page_of_a_probe_of_depths_has_maps():
    task, result = probe("linear", dense=True)

    shown = page(task, result)

    assert "Baseline: constant depth" in shown.words
    assert "Confusion matrix" not in shown.words
    assert shown.words.count("true depth") == 4


def test_the_page_of_a_fine_tuning_has_curves_instead_of_settings():
    task, result = probe()

    shown = page(task, dataclasses.replace(result, trials=STEPS), "fine-tuning")

    assert {"top1-figure_1", "loss-figure_1"} <= set(shown.ids)
    assert "LayerLock · fine-tuning" in shown.words
    assert "(selected)" not in shown.words


def test_the_attention_of_a_readout_is_shown():
    task, result = probe("attentive")

    text = page(task, result).words

    assert "The attention of the readout is high" in text
    assert "attention" not in page(*probe("knn")).words


def test_a_student_is_marked():
    task, result = probe()

    assert "runs/mine (student)" in page(task, result, student=True).words


def test_groups_are_named_where_the_interval_counts_them():
    task, result = probe()
    groups = {"train": 60, "validation": 20, "test": 12}

    assert "40 for validation; the interval counts their 12 groups" in (
        page(task, result, groups=groups).words
    )
    groups["test"] = 60
    assert "the interval counts" not in page(task, result, groups=groups).words


def test_examples_of_one_group_have_no_interval():
    task, result = probe()
    summary = result.metrics["top1"] | {"low": None, "high": None}

    text = page(task, result, metrics={"top1": summary}).words

    assert "no interval: groups of examples do not differ" in text
    assert "95% interval" not in text
