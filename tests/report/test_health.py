import math

import pytest

from layerlock.core.monitoring import verdict
from layerlock.report import health
from layerlock.report.history import History
from tests.runs import synthetic

pytest.importorskip("matplotlib")


def section(lines):
    return health.health(History(lines))


def figure(section, title):
    [figure] = [f for f in section.figures if f.title == title]
    return figure


def alarms(section):
    svgs = [figure.svg for figure in section.figures if figure.svg]
    return sum(svg.count("stroke: var(--alarm)") for svg in svgs)


def test_the_verdict_is_a_sentence():
    text = section(synthetic.metrics_lines()).text

    assert "Verdict since step 10: healthy. Spread of features 0.62" in text


def test_earlier_verdicts_are_listed():
    lines = synthetic.judged(synthetic.metrics_lines(), "collapsing", 10)
    lines = synthetic.judged(lines, "collapsed", 20)
    lines = synthetic.judged(lines, "healthy", 30)

    text = section(lines).text

    assert "Verdict since step 310: healthy." in text
    assert (
        "Earlier verdicts: collapsing at step 110, collapsed at step 210."
    ) in text


def test_the_thresholds_are_those_of_the_verdict():
    health = section(synthetic.metrics_lines())

    assert figure(health, "Spread of the features").legend == [
        ("ice", "mean"),
        ("thin", "minimum"),
        ("dash", f"collapsing, {verdict.COLLAPSING_STD:g}"),
        ("limit", f"collapsed, {verdict.COLLAPSED_STD:g}"),
    ]
    assert alarms(health) == 2  # features and targets


def test_thresholds_do_not_apply_to_pixels():
    health = section(synthetic.metrics_lines(target="pixels"))

    assert alarms(health) == 1


def test_an_old_run_has_the_figures_that_it_has():
    health = section(synthetic.old_lines())

    spread = figure(health, "Spread of the features")
    assert 'id="feature-std-figure_1"' in spread.svg
    assert ("thin", "minimum") not in spread.legend
    assert "Verdict since" not in health.text
    assert [f.svg for f in health.figures].count(None) == 2


@pytest.mark.parametrize("value", [math.nan, math.inf, None])
def test_one_cosine_that_is_missing_leaves_the_other(value):
    lines = synthetic.metrics_lines()
    for line in lines:
        line["prediction_cosine"] = value

    assert figure(section(lines), "Cosines").svg
