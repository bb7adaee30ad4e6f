"""Training, its cost and its freezes, from the lines of a run."""

import pytest

from layerlock.report import sections
from layerlock.report.history import History
from tests.runs import synthetic

pytest.importorskip("matplotlib")


def training(lines):
    return sections.training(History(lines), synthetic.CONFIG)


def titles(section):
    return [figure.title for figure in section.figures]


def test_training_draws_freezing_loss_and_learning_rate():
    section = training(synthetic.metrics_lines())

    assert titles(section) == ["Freezing", "Loss", "Learning rate"]
    assert all(figure.svg for figure in section.figures)
    assert "mark freezes" in section.text


def test_a_run_that_never_froze_explains_no_freezes():
    assert training(synthetic.metrics_lines(100)).text == ""


def test_a_run_on_pixels_has_no_target_layer_in_its_legend():
    freezing, loss, _ = training(
        synthetic.metrics_lines(target="pixels")
    ).figures

    assert freezing.legend == [("frost", "frozen")]
    assert "not comparable" not in loss.caption


def test_losses_on_different_targets_are_called_incomparable():
    _, loss, _ = training(synthetic.metrics_lines()).figures

    assert "not comparable" in loss.caption


def test_a_held_out_loss_is_in_the_legend():
    lines = synthetic.metrics_lines()
    lines[30]["validation_loss"] = 0.77

    _, loss, _ = training(lines).figures

    assert loss.legend == [("ice", "loss"), ("ember", "held-out loss")]


def test_a_probe_during_training_has_a_figure():
    lines = synthetic.metrics_lines()
    lines[30]["probe_top1"] = 0.5

    assert titles(training(lines))[-1] == "Probe"


@pytest.mark.parametrize(
    "flops, sentence",
    [
        (None, "This run has logged no FLOPs."),
        (150, "50.0% more compute than an unfrozen run. Latent targets need"),
        (75, "25.0% less compute than an unfrozen run."),
        (100, "as much compute as an unfrozen run."),
    ],
)
def test_compute_is_compared_in_a_sentence(flops, sentence):
    line = {"step": 1, "flops": flops, "flops_unfrozen": 100}

    assert sentence in sections.cost(History([line])).text


def test_every_freeze_is_a_row():
    table = sections.freeze_events(History(synthetic.metrics_lines())).table

    assert [row[0] for row in table.rows] == ["200", "280", "360", "440", "520"]
    assert table.rows[0][1:4] == ["1", "layer 1", "1.70 s"]
    assert {len(row) for row in table.rows} == {len(table.head)}
    assert "teacher jump" not in table.head


def test_jumps_of_the_teacher_are_a_column():
    lines = synthetic.metrics_lines()
    lines[20]["teacher_jump"] = 1.234

    section = sections.freeze_events(History(lines))

    assert section.table.head[-1] == "teacher jump"
    assert [row[-1] for row in section.table.rows] == ["1.23"] + ["unknown"] * 4
    assert "Teacher jump:" in section.text


def test_unknown_costs_of_a_freeze_are_named_unknown():
    lines = [{"step": 1, "frozen_layers": 0}, {"step": 2, "frozen_layers": 1}]

    [row] = sections.freeze_events(History(lines)).table.rows

    assert row == ["1", "1", "pixels", *["unknown"] * 4]


def test_without_a_freeze_there_is_no_table():
    section = sections.freeze_events(History([{"step": 1}]))

    assert section.table is None
    assert section.text == "No layer has been frozen yet."
