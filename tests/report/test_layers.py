import math

import numpy as np
import pytest

from layerlock.report import layers
from layerlock.report.history import History
from tests.runs import synthetic

pytest.importorskip("matplotlib")


def lines_with(**values):
    return [{"step": 10 * (i + 1), **values} for i in range(3)]


def test_each_block_has_a_line():
    svg = layers.weight_norms(History(synthetic.metrics_lines()))

    lines = [part for part in svg.split("<path") if "var(--ice)" in part]
    assert len(lines) == synthetic.BLOCKS


def test_the_drift_of_a_frozen_block_is_blank():
    blank, shown = (
        layers.drift_map(History(lines_with(cka=[first, 0.9]))).count("--ice")
        for first in (1 + 1e-16, 0.9)
    )

    assert shown - blank == 3  # measurements


def test_measurements_cover_the_steps_since_the_one_before():
    lines = synthetic.metrics_lines()
    edges, drift = layers.drifts(History(lines))

    assert edges.tolist() == list(range(30, 601, 30))
    assert drift.shape == (19, synthetic.BLOCKS)


def test_one_measurement_covers_all_steps_before():
    edges, drift = layers.drifts(History([{"step": 40, "cka": [0.9]}]))

    assert edges.tolist() == [0, 40]
    assert drift == pytest.approx(0.1)


def test_many_measurements_are_merged_and_the_largest_drift_shows():
    lines = [{"step": i, "cka": [1.0, math.nan]} for i in range(1, 1001)]
    lines[500]["cka"] = [0.25, 1.0]

    edges, drift = layers.drifts(History(lines))

    assert len(drift) == len(edges) - 1 <= layers.MAX_COLUMNS
    assert edges[0] == 0
    assert edges[-1] == 1000
    assert drift[:, 0].max() == 0.75
    assert np.isfinite(drift[:, 1]).sum() == 1


def test_without_norms_and_drift_there_is_no_section():
    assert layers.layers(History(synthetic.old_lines())) is None


def test_norms_alone_have_a_section():
    weights, drift = layers.layers(
        History(lines_with(weight_norms=[1.0, 2.0]))
    ).figures

    assert 'id="weights-figure_1"' in weights.svg
    assert drift.svg is None


@pytest.mark.parametrize("broken", [math.nan, math.inf, None, 0.0])
def test_broken_norms_are_left_out(broken):
    lines = lines_with(weight_norms=[1.0, broken])
    lines[1]["weight_norms"] = [broken, broken]

    assert layers.weight_norms(History(lines))


def test_blocks_that_cannot_be_compared_are_in_the_legend():
    lines = lines_with(cka=[0.9, math.nan])

    _, drift = layers.layers(History(lines)).figures

    assert ("gap", "unknown: features constant or not finite") in drift.legend


def test_norms_and_drift_that_are_all_broken_are_not_drawn():
    lines = lines_with(weight_norms=[math.nan], cka=[math.nan])

    assert layers.layers(History(lines)) is None


def test_an_encoder_of_one_block_is_drawn():
    lines = lines_with(weight_norms=[1.0], cka=[0.5])

    assert all(figure.svg for figure in layers.layers(History(lines)).figures)
