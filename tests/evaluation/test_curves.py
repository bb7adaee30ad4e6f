"""A fine-tuning is drawn over its steps."""

import pytest

from layerlock.evaluation import curves

pytest.importorskip("matplotlib")


def test_a_fine_tuning_is_drawn_with_its_freezes():
    trials = [
        {"step": step, "loss": 1 / step, "frozen_layers": k, "top1": 0.1 * k}
        for step, k in ((10, 0), (20, 2), (30, 2), (40, 3))
    ]
    figures = curves.figures("top1", "Right at the first guess", trials)
    text = "".join(map(str, figures))

    assert text.count("<svg") == 2
    assert "Right at the first guess" in text and "Loss" in text
    # Grey lines at steps 20 and 40, in both drawings.
    assert text.count("var(--event)") == 2 * 2
