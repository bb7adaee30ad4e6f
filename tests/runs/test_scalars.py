import pytest

from layerlock.runs import scalars


def test_numbers_have_grouped_tags():
    line = {"step": 30, "loss": 0.5, "flops": 7, "custom": 1.0}

    assert scalars.of_line(line) == {
        "learning/loss": 0.5,
        "cost/flops": 7.0,
        "other/custom": 1.0,
    }


def test_what_is_not_a_finite_number_is_left_out():
    line = {"step": 1, "loss": float("nan"), "target_layer": None, "x": True}

    assert scalars.of_line(line) == {}


def test_numbers_of_each_block_have_a_tag_each():
    line = {
        "step": 30,
        "weight_norms": [1.0, float("nan"), 3.0],
        "weight_norm_rates": None,
        "cka": [0.5],
        "verdict": "healthy",
    }

    assert scalars.of_line(line) == {
        "layers/weight_norm_1": 1.0,
        "layers/weight_norm_3": 3.0,
        "layers/cka_1": 0.5,
    }


@pytest.mark.parametrize(
    "tag",
    [
        "collapse/feature_std_min",
        "collapse/raw_feature_std",
        "collapse/clip_cosine",
        "learning/prediction_cosine",
        "freezing/teacher_jump",
        "cost/monitor_seconds",
    ],
)
def test_what_monitors_measure_has_a_group(tag):
    assert scalars.tag(tag.split("/")[1]) == tag
