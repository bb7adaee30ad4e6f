"""Curves of frozen layers and of the loss."""

import pytest

from layerlock.report import canvas, training_figures
from layerlock.report.history import History
from tests.runs import synthetic

pytest.importorskip("matplotlib")


def curves(monkeypatch, lines):
    """The lengths of the curves that `loss` draws, and their styles."""
    drawn = []
    monkeypatch.setattr(
        canvas,
        "curve",
        lambda axes, steps, values, **style: drawn.append((len(steps), style)),
    )
    assert training_figures.loss(History(lines))
    return drawn


def test_the_loss_is_cut_where_the_target_changes(monkeypatch):
    lines = synthetic.metrics_lines()

    lengths = [length for length, _ in curves(monkeypatch, lines)]

    assert lengths == [20, 8, 8, 8, 8, 8]  # freezes at 200, 280, ...


def test_many_lines_on_one_target_have_a_running_mean(monkeypatch):
    lines = [{"step": step, "loss": 1.0} for step in range(1, 151)]

    (_, noisy), (_, mean) = curves(monkeypatch, lines)

    assert noisy["alpha"] < 1
    assert mean == {}


def test_targets_are_named_above_the_loss():
    svg = training_figures.loss(History(synthetic.metrics_lines()))

    assert ">pixels</text>" in svg
    assert ">layer 5</text>" in svg


@pytest.mark.parametrize("value, crosses", [(float("nan"), True), (1.0, False)])
def test_broken_losses_are_crosses(value, crosses):
    lines = [{"step": 1, "loss": 1.0}, {"step": 2, "loss": value}]

    svg = training_figures.loss(History(lines))

    assert ("var(--alarm)" in svg) == crosses


def test_a_run_without_finite_losses_has_no_curve():
    history = History([{"step": 1, "loss": float("nan")}])

    assert training_figures.loss(history) is None


def test_frozen_layers_and_the_target_are_drawn():
    latent, pixels = (
        training_figures.freezing(
            History(synthetic.metrics_lines(target=target)), 8
        )
        for target in ("latents", "pixels")
    )

    assert "var(--frost)" in latent and "var(--ember)" in latent
    assert "var(--ember)" not in pixels


def test_a_run_without_frozen_layers_in_its_log_has_no_curve():
    assert training_figures.freezing(History([{"step": 1}]), 8) is None


def test_a_target_above_the_encoder_is_inside_of_the_picture(monkeypatch):
    limits = []

    def draw(axes, history, target):
        limits.append((axes, target.max()))

    monkeypatch.setattr(training_figures, "_target_bars", draw)
    lines = synthetic.metrics_lines(target="latents")
    lines[-1]["target_layer"] = 24
    training_figures.freezing(History(lines), 8)

    [(axes, highest)] = limits
    assert axes.get_ylim()[1] > highest == 24
