"""Curves over steps."""

import numpy as np
import pytest

from layerlock.report import canvas, figures
from layerlock.report.history import History
from tests.runs import synthetic

pytest.importorskip("matplotlib")


def test_a_number_of_some_lines_only_is_one_curve(monkeypatch):
    drawn = []
    monkeypatch.setattr(
        canvas,
        "curve",
        lambda axes, steps, values: drawn.append((steps, values)),
    )
    lines = [{"step": step, "loss": 1.0} for step in range(10, 70, 10)]
    for line, value in zip(lines[1::2], (0.1, 0.2, 0.3), strict=True):
        line["probe_top1"] = value

    assert figures.plain_curve(History(lines), "probe_top1", "right answers")

    [(steps, values)] = drawn
    assert steps.tolist() == [20, 40, 60]
    np.testing.assert_array_equal(values, [0.1, 0.2, 0.3])


def test_a_stage_is_a_bar_against_the_unfrozen_cost():
    svg = figures.step_flops(History(synthetic.metrics_lines()))

    bars = [part for part in svg.split("<path") if "fill: var(--ice)" in part]
    assert len(bars) == 6  # 0 to 5 frozen layers
    assert svg.count("stroke: var(--ember)") == 6


def test_memory_has_the_unfrozen_level_in_one_unit():
    svg = figures.peak_memory(History(synthetic.metrics_lines()))

    assert ">MiB</text>" in svg
    assert svg.count("stroke: var(--ember)") == 1


@pytest.mark.parametrize("largest, is_logarithmic", [(2.0, False), (1e3, True)])
def test_a_norm_of_many_magnitudes_is_logarithmic(largest, is_logarithmic):
    lines = [{"step": 1, "grad_norm": largest}, {"step": 2, "grad_norm": 1.0}]

    svg = figures.plain_curve(History(lines), "grad_norm", "grad_norm")

    assert (">0.0</text>" not in svg) == is_logarithmic


@pytest.mark.parametrize(
    "draw",
    [
        figures.cumulative_flops,
        figures.step_flops,
        figures.peak_memory,
        figures.cosines,
        lambda history: figures.spread(history, "feature_std"),
        lambda history: figures.plain_curve(history, "loss", "loss"),
    ],
)
def test_numbers_that_were_not_logged_are_not_drawn(draw):
    assert draw(History([{"step": 1}, {"step": 2}])) is None
