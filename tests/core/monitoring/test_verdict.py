"""What runs are called, from measurements like those of real ones."""

import json

import pytest

from layerlock.core.monitoring.verdict import Judge

# The ends of runs on `scenes`; see docs/collapse.md.
HEALTHY_MAE = dict(
    feature_std=0.24,
    target_std=0.43,
    raw_feature_std=4.3,
    effective_rank=14.6,
)
HEALTHY_VJEPA = dict(
    feature_std=0.74,
    target_std=0.75,
    raw_feature_std=9.2,
    effective_rank=20.4,
)
COLLAPSED_VJEPA = dict(
    feature_std=0.065,
    target_std=0.058,
    raw_feature_std=3.6,
    effective_rank=3.9,
)
COLLAPSED_MAE_LATENT = dict(
    feature_std=0.083,
    target_std=0.081,
    raw_feature_std=3.4,
    effective_rank=3.6,
)
START = dict(
    feature_std=0.79,
    target_std=0.7,
    raw_feature_std=2.0,
    effective_rank=56.0,
)


def line(**measured):
    return {
        "loss": 0.5,
        "grad_norm": 1.0,
        "target_layers": [8],
        **START,
        **measured,
    }


def judge(*lines):
    judge = Judge()
    for _ in range(3):
        judge.observe(line())
    return [judge.observe(line) for line in lines][-1]


@pytest.mark.parametrize("end", [START, HEALTHY_MAE, HEALTHY_VJEPA])
def test_healthy_runs_are_called_healthy(end):
    verdict = judge(*[line(**end)] * 5)

    assert verdict.label == "healthy"
    assert f"{end['feature_std']:.2f}" in verdict.reason


@pytest.mark.parametrize("end", [COLLAPSED_VJEPA, COLLAPSED_MAE_LATENT])
def test_collapsed_runs_are_called_collapsed(end):
    verdict = judge(*[line(**end)] * 3)

    assert verdict.label == "collapsed"
    assert verdict.is_fatal


def test_noise_of_full_rank_is_a_collapse():
    assert (
        judge(*[line(feature_std=0.001, effective_rank=38.0)] * 3).label
        == "collapsed"
    )


def test_latent_targets_alone_can_collapse():
    assert judge(*[line(target_std=0.01)] * 3).label == "collapsed"


def test_views_that_are_compared_can_collapse():
    views = line(target_std=0.01, target_layers=[])

    assert judge(*[views] * 3).label == "collapsed"


def test_pixel_targets_cannot():
    pixels = line(target_std=0.01, target_layers=[0])

    assert judge(*[pixels] * 3).label == "healthy"


@pytest.mark.parametrize(
    ("measured", "named"),
    [
        ({"feature_std": 0.14}, "0.14"),
        ({"effective_rank": 7.0}, "from 56 to 7"),
        ({"raw_feature_std": 50.0}, "from 2 to 50"),
    ],
)
def test_what_goes_wrong_is_called_collapsing_and_named(measured, named):
    verdict = judge(*[line(**measured)] * 3)

    assert verdict.label == "collapsing"
    assert named in verdict.reason
    assert not verdict.is_fatal


@pytest.mark.parametrize("name", ["loss", "grad_norm"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_is_none_is_divergence_at_once(name, value):
    verdict = judge(line(**{name: value}))

    assert verdict.label == "diverged"
    assert verdict.is_fatal


def test_a_change_of_verdict_takes_three_measurements():
    assert judge(*[line(feature_std=0.01)] * 2).label == "healthy"
    # Two of three are not enough, and the milder of different alarms counts.
    mixed = [line(feature_std=x) for x in (0.01, 0.14, 0.01)]
    assert judge(*mixed).label == "healthy"
    assert judge(*mixed, line(feature_std=0.14)).label == "collapsing"


def test_recovering_takes_three_measurements_too():
    judge = Judge()
    for _ in range(6):
        judge.observe(line(**COLLAPSED_VJEPA))

    labels = [judge.observe(line()).label for _ in range(3)]

    assert labels == ["collapsed", "collapsed", "healthy"]


def test_a_run_can_recover():
    collapsed, healthy = [line(feature_std=0.01)] * 3, [line()] * 3

    assert judge(*collapsed, *healthy).label == "healthy"


def test_a_judge_goes_on_from_its_state():
    lines = [line(feature_std=x) for x in (0.8, 0.7, 0.05, 0.05, 0.05, 0.3)]
    whole, first, second = Judge(), Judge(), Judge()

    expected = [whole.observe(x) for x in lines]
    found = [first.observe(x) for x in lines[:4]]
    second.set_state(json.loads(json.dumps(first.get_state())))
    found += [second.observe(x) for x in lines[4:]]

    assert found == expected
