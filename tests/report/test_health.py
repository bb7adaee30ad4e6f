import math
import re

import pytest

from layerlock.core.monitoring import verdict
from layerlock.report import health
from layerlock.report.history import History
from tests.runs import synthetic

pytest.importorskip("matplotlib")


def section(lines):
    return health.health(History(lines))


def words(html):
    return " ".join(re.sub("<[^>]*>", " ", html).split())


def test_the_verdict_is_a_sentence():
    text = words(section(synthetic.metrics_lines()))

    assert "The verdict since step 10 is healthy. Spread of features" in text


def test_verdicts_before_the_last_are_told():
    lines = synthetic.judged(synthetic.metrics_lines(), "collapsing", 10)
    lines = synthetic.judged(lines, "collapsed", 20)
    lines = synthetic.judged(lines, "healthy", 30)

    text = words(section(lines))

    assert "The verdict since step 310 is healthy." in text
    assert "called collapsing at step 110 and collapsed at step 210." in text


def test_the_thresholds_are_those_of_the_verdict():
    html = section(synthetic.metrics_lines())

    assert f"collapsing, {verdict.COLLAPSING_STD:g}" in html
    assert f"collapsed, {verdict.COLLAPSED_STD:g}" in html
    assert html.count("stroke: var(--alarm)") == 2  # features and targets


def test_thresholds_do_not_apply_to_pixels():
    html = section(synthetic.metrics_lines(target="pixels"))

    assert html.count("stroke: var(--alarm)") == 1


def test_an_old_run_has_the_figures_that_it_has():
    html = section(synthetic.old_lines())

    assert 'id="feature-std-figure_1"' in html
    assert "verdict since" not in html
    assert "lowest<" not in html
    assert html.count("Not logged in this run.") == 2


@pytest.mark.parametrize("value", [math.nan, math.inf, None])
def test_one_cosine_that_is_missing_leaves_the_other(value):
    lines = synthetic.metrics_lines()
    for line in lines:
        line["prediction_cosine"] = value

    assert 'id="cosines-figure_1"' in section(lines)
