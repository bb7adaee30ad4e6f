import re
from pathlib import Path

import pytest

from layerlock.runs.report import summary
from layerlock.runs.report.history import History
from tests.runs import synthetic


def header(lines, **config):
    config = synthetic.CONFIG | config
    html = summary.header(Path("runs/mine"), config, History(lines))
    return " ".join(re.sub("<[^>]*>", " ", html).split())


@pytest.mark.parametrize(
    "fact", ["mine", "video_vit_nano", "scenes", "mae", "jax", "5 of 8"]
)
def test_the_summary_says(fact):
    assert fact in header(synthetic.metrics_lines())


def test_compute_is_a_ratio_to_the_unfrozen_run():
    lines = synthetic.metrics_lines()
    lines[-1] |= {"flops": 3e15, "flops_unfrozen": 4e15}

    assert "0.75× 3 PFLOPs, unfrozen 4 PFLOPs" in header(lines)


def test_memory_is_compared_with_the_first_stage():
    assert "275 MiB −55% from 610 MiB unfrozen" in header(
        synthetic.metrics_lines()
    )


def test_before_the_first_freeze_there_is_nothing_to_compare():
    assert "610 MiB as at the start" in header(synthetic.metrics_lines(100))


def test_the_loss_names_its_target():
    lines = synthetic.metrics_lines()
    lines[-1]["loss"] = 0.1234

    assert "final loss 0.1234 on layer 5" in header(lines)


def test_a_held_out_loss_is_shown():
    lines = synthetic.metrics_lines()
    lines[30]["validation_loss"] = 0.77

    assert "held out 0.77" in header(lines)


def test_a_loss_that_broke_is_not_the_final_one():
    lines = synthetic.metrics_lines()
    lines[-2]["loss"], lines[-1]["loss"] = 0.5, float("nan")

    assert "final loss 0.5 the last finite one" in header(lines)


def test_collapsed_features_are_told():
    lines = synthetic.metrics_lines()
    lines[-1]["feature_std"] = 1e-4

    assert "The features look collapsed" in header(lines)


def test_a_run_that_is_still_going_says_so():
    text = header(synthetic.metrics_lines()[:20])

    assert "has logged 200 of 600 steps" in text
    assert "loss so far" in text


def test_a_resumed_run_says_from_where():
    text = header(
        synthetic.metrics_lines(), resumes=[{"step": 310}, {"step": 450}]
    )

    assert "resumed from step 310, then 450." in text


def test_a_run_without_a_line_has_a_summary():
    assert "unknown" in header([])


def test_many_devices_are_counted():
    devices = [f"tpu:{index}" for index in range(16)]

    assert "16 × tpu:0" in header([], devices=devices)
