"""A fine-tuning is drawn over its steps."""

import pytest

from layerlock.report import finetuning_curves

pytest.importorskip("matplotlib")


def test_a_fine_tuning_is_drawn_with_its_freezes():
    trials = [
        {"step": step, "loss": 1 / step, "frozen_layers": k, "top1": 0.1 * k}
        for step, k in ((10, 0), (20, 2), (30, 2), (40, 3))
    ]

    section = finetuning_curves.section("top1", "Top-1 accuracy", trials)

    titles = [figure.title for figure in section.figures]
    assert titles == ["Top-1 accuracy", "Loss"]
    assert "Grey vertical lines" in section.text
    for figure in section.figures:
        assert figure.svg.count("var(--event)") == 2  # at steps 20 and 40


def test_without_freezes_there_are_no_grey_lines():
    trials = [
        {"step": step, "loss": 1 / step, "frozen_layers": 0, "top1": 0.1}
        for step in (10, 20)
    ]

    section = finetuning_curves.section("top1", "Top-1 accuracy", trials)

    assert section.text == ""
    for figure in section.figures:
        assert "var(--event)" not in figure.svg
