import re
from pathlib import Path

import pytest

from layerlock.report import summary
from layerlock.report.history import History
from tests.runs import synthetic


def html(lines, failure=None, **config):
    config = synthetic.CONFIG | config
    return summary.header(Path("runs/mine"), config, History(lines), failure)


def words(page):
    return " ".join(re.sub("<[^>]*>", " ", page).split())


def header(lines, **config):
    return words(html(lines, **config))


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


def test_a_healthy_run_has_a_good_tile_with_the_reason():
    page = html(synthetic.metrics_lines())

    assert 'class="tile wide good"' in page
    assert "health healthy Spread of features 0.62" in words(page)


@pytest.mark.parametrize("label", ["collapsing", "collapsed", "diverged"])
def test_any_other_verdict_is_a_bad_tile_and_an_alarm(label):
    page = html(synthetic.judged(synthetic.metrics_lines(), label, 30))

    assert 'class="tile wide bad"' in page
    assert 'class="notice alarm"' in page
    assert f"Verdict: {label}, first called so at step 310. It" in words(page)


def test_a_verdict_that_came_back_is_told_from_its_first_step():
    lines = synthetic.judged(synthetic.metrics_lines(), "collapsed", 10)
    lines[20] |= {"verdict": "healthy"}

    assert "collapsed, first called so at step 110." in header(lines)


def test_a_run_that_recovered_says_so_without_an_alarm():
    lines = synthetic.judged(synthetic.metrics_lines(), "collapsed", 10)
    lines[-1] |= {"verdict": "healthy"}

    assert "alarm" not in html(lines)
    assert "the run was collapsed from step 110 to 600." in header(lines)


def test_a_run_without_verdicts_is_not_judged():
    lines = synthetic.old_lines()
    lines[-1]["feature_std"] = 1e-4
    page = html(lines)

    assert "no verdict was logged" in page
    assert "notice" not in page


def test_a_failure_names_step_stage_and_the_first_clips():
    lines = synthetic.metrics_lines()
    lines[-1]["loss"] = float("nan")
    text = words(html(lines, synthetic.FAILURE))

    assert "The loss was nan at step 600, where training ended." in text
    assert "5 layers were frozen, predicting layer 5," in text
    assert "clip 0.mp4, clip 1.mp4, clip 2.mp4 and 29 more." in text
    assert "checkpoints from before are kept" in text
    assert "The loss is not finite" not in text


def test_a_failure_before_the_first_line_is_told():
    failure = synthetic.FAILURE | {"step": 1, "frozen_layers": 0, "clips": []}
    page = html([], failure | {"target_layers": [0], "learning_rate": None})

    assert 'class="notice alarm"' in page
    assert "No layers were frozen, predicting pixels" in words(page)


def test_a_failure_that_a_resumed_run_got_past_is_not_told():
    failure = synthetic.FAILURE | {"step": 300}

    assert "notice" not in html(synthetic.metrics_lines(), failure)


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


@pytest.mark.parametrize("share, is_said", [(0.02, False), (0.43, True)])
def test_much_waiting_for_clips_is_beside_the_speed(share, is_said):
    lines = [line | {"input_wait": share} for line in synthetic.metrics_lines()]

    assert ("43% of the time waiting for clips" in header(lines)) == is_said
