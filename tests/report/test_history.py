import math

import numpy as np
import pytest

from layerlock.report.history import History, Verdict
from tests.runs import synthetic


@pytest.fixture
def history():
    return History(synthetic.metrics_lines())


def test_events_are_where_the_frozen_layers_grow(history):
    events = [(event.step, event.frozen_layers) for event in history.events()]

    assert events == [(200, 1), (280, 2), (360, 3), (440, 4), (520, 5)]


def test_the_flops_of_a_step_are_those_of_its_stage(history):
    costs = [stage.step_flops for stage in history.stages()]

    expected = [
        synthetic.UNFROZEN_STEP * (1 + 0.04 * frozen) for frozen in range(6)
    ]
    assert costs == pytest.approx(expected)


def test_a_stage_of_one_line_is_read_against_the_line_before():
    lines = [
        {"step": 10, "frozen_layers": 0, "flops": 100.0},
        {"step": 20, "frozen_layers": 1, "flops": 150.0},
    ]

    costs = [stage.step_flops for stage in History(lines).stages()]

    assert costs == [10.0, 5.0]


def test_an_event_has_the_stall_of_its_stage(history):
    assert {event.stall_seconds for event in history.events()} == {1.7}


def test_targets_are_named(history):
    names = [target for *_, target in history.target_spans()]

    assert names == ["pixels"] + [f"layer {k}" for k in range(1, 6)]


def test_unfrozen_memory_is_that_of_the_first_stage(history):
    assert history.unfrozen_memory() == 640_000_000


def test_a_run_that_starts_frozen_has_no_unfrozen_memory():
    lines = [{"step": 1, "frozen_layers": 2, "peak_memory_bytes": 5}]

    assert History(lines).unfrozen_memory() is None


def test_the_flops_ratio_compares_the_newest_totals():
    lines = [
        {"step": 1, "flops": 10, "flops_unfrozen": 10},
        {"step": 2, "flops": 15, "flops_unfrozen": 20},
    ]

    assert History(lines).flops_ratio() == 0.75


def test_of_two_lines_of_one_step_the_later_counts():
    lines = [{"step": 1, "loss": 1.0}, {"step": 1, "loss": 2.0}]

    assert History(lines).last("loss") == 2.0


def test_changes_of_the_verdict_are_found():
    lines = [
        {"step": 1},
        {"step": 2, "verdict": "healthy", "verdict_reason": "a"},
        {"step": 3, "verdict": "healthy", "verdict_reason": "b"},
        {"step": 4, "verdict": math.nan},
        {"step": 5, "verdict": "collapsed", "verdict_reason": None},
    ]

    assert History(lines).verdicts() == [
        Verdict(2, "healthy", "b"),
        Verdict(5, "collapsed", ""),
    ]


def test_lists_become_rows_with_gaps():
    lines = [
        {"step": 1, "cka": [0.5, None, math.nan]},
        {"step": 2},
        {"step": 3, "cka": math.nan},
        {"step": 4, "cka": [1]},
    ]
    gap = math.nan

    np.testing.assert_array_equal(
        History(lines).matrix("cka"),
        [[0.5, gap, gap], [gap] * 3, [gap] * 3, [1.0, gap, gap]],
    )


def test_lists_that_no_line_has_make_no_columns():
    assert History([{"step": 1}]).matrix("cka").shape == (1, 0)


def test_an_event_has_the_jump_of_its_teacher():
    lines = synthetic.metrics_lines()
    lines[20]["teacher_jump"] = 0.7  # the first line after the first freeze

    jumps = [event.teacher_jump for event in History(lines).events()]

    assert jumps == [0.7, None, None, None, None]


def test_the_last_value_is_the_newest_finite_one():
    lines = [{"step": 1, "loss": 1.0}, {"step": 2, "loss": math.nan}]

    assert History(lines).last("loss") == 1.0


def test_the_first_broken_loss_is_found():
    lines = [
        {"step": 1, "loss": None},
        {"step": 2, "loss": math.inf},
        {"step": 3, "loss": math.nan},
    ]

    assert History(lines).first_broken_step() == 2
