"""Curves over steps."""

import numpy as np
import pytest

from layerlock.report import canvas, figures
from layerlock.report.history import History

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
