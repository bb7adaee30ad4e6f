import pytest

from layerlock.report import notices
from layerlock.report.history import History
from tests.runs import synthetic


def notices_of(lines, failure=None, **config):
    return notices.notices(synthetic.CONFIG | config, History(lines), failure)


def test_a_healthy_finished_run_has_no_notice():
    assert notices_of(synthetic.metrics_lines()) == []


@pytest.mark.parametrize("label", ["collapsing", "collapsed", "diverged"])
def test_a_bad_verdict_is_an_alarm(label):
    [notice] = notices_of(
        synthetic.judged(synthetic.metrics_lines(), label, 30)
    )

    assert notice.is_alarm
    assert notice.text == (
        f"Verdict: {label}, first at step 310. It looks {label}."
    )


def test_a_verdict_that_came_back_counts_from_its_first_step():
    lines = synthetic.judged(synthetic.metrics_lines(), "collapsed", 10)
    lines[20] |= {"verdict": "healthy"}

    [notice] = notices_of(lines)

    assert "collapsed, first at step 110." in notice.text


def test_a_run_that_recovered_has_a_notice_but_no_alarm():
    lines = synthetic.judged(synthetic.metrics_lines(), "collapsed", 10)
    lines[-1] |= {"verdict": "healthy"}

    [notice] = notices_of(lines)

    assert not notice.is_alarm
    assert "healthy now. Earlier, it was collapsed from step 110 to 600." in (
        notice.text
    )


def test_a_run_without_verdicts_is_not_judged():
    lines = synthetic.old_lines()
    lines[-1]["feature_std"] = 1e-4

    assert notices_of(lines) == []


def test_a_failure_names_step_stage_and_the_first_clips():
    lines = synthetic.metrics_lines()
    lines[-1]["loss"] = float("nan")

    [notice] = notices_of(lines, synthetic.FAILURE)

    assert notice.is_alarm
    for part in (
        "Training ended at step 600, where the loss was nan.",
        "Frozen layers: 5. Target: layer 5. Learning rate: 0.001.",
        "Batch 599 contained clip 0.mp4, clip 1.mp4, clip 2.mp4 and 29 more.",
        "Earlier checkpoints are kept.",
        "A lower learning rate",
    ):
        assert part in notice.text


def test_a_failure_inside_of_a_log_interval_has_its_notice():
    """The line of that interval is written, and says that its loss is NaN."""
    lines = synthetic.metrics_lines()
    lines[-1]["loss"] = float("nan")
    failure = synthetic.FAILURE | {"step": lines[-1]["step"] - 3}

    [notice] = notices_of(lines, failure)

    assert f"ended at step {failure['step']}" in notice.text


def test_a_failure_before_the_first_line_has_a_notice():
    failure = synthetic.FAILURE | {"step": 1, "frozen_layers": 0, "clips": []}

    [alarm] = notices_of(
        [], failure | {"target_layers": [0], "learning_rate": None}
    )

    assert "Frozen layers: 0. Target: pixels. Learning rate: unknown." in (
        alarm.text
    )
    assert "contained" not in alarm.text


def test_a_failure_that_a_resumed_run_passed_is_omitted():
    failure = synthetic.FAILURE | {"step": 300}

    assert notices_of(synthetic.metrics_lines(), failure) == []


def test_a_broken_loss_without_a_failure_is_an_alarm():
    lines = synthetic.metrics_lines()
    lines[40]["loss"] = float("inf")

    [notice] = notices_of(lines)

    assert notice.is_alarm
    assert "The loss is not finite at step 410." in notice.text


def test_a_run_that_is_still_training_has_a_notice():
    [notice] = notices_of(synthetic.metrics_lines()[:20])

    assert "has logged 200 of 600 steps" in notice.text


def test_a_resumed_run_has_the_steps_of_its_resumes():
    resumes = [{"step": 310}, {"step": 450}]

    [notice] = notices_of(synthetic.metrics_lines(), resumes=resumes)

    assert notice.text == (
        "The run was resumed from step 310, then from step 450."
    )


def test_no_notice_names_an_option_of_the_command_line():
    lines = synthetic.judged(synthetic.metrics_lines()[:20], "diverged", 10)
    lines[-1]["loss"] = float("nan")

    for failure in (None, synthetic.FAILURE):
        for notice in notices_of(lines, failure, resumes=[{"step": 3}]):
            assert "--" not in notice.text
