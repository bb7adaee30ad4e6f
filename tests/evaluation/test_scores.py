"""Scores and their intervals, against numbers by hand."""

import types

import numpy as np
import pytest

from layerlock.evaluation import scores

CLASSES = types.SimpleNamespace(is_dense=False, class_names=list("abcdefg"))
DEPTH = types.SimpleNamespace(is_dense=True, class_names=None)


def test_a_class_is_right_among_the_first_one_or_five():
    ranked = np.array([[7, 6, 5, 4, 3, 2, 1]] * 3, "float32")

    found = scores.score(CLASSES, ranked, np.array([0, 4, 5]))

    np.testing.assert_array_equal(found["top1"], [1, 0, 0])
    np.testing.assert_array_equal(found["top5"], [1, 1, 0])


def test_ties_are_parted_at_random():
    votes = np.array([[0.4, 0.2, 0.2, 0.2, 0.0, 0.0, 0.0]] * 3)

    found = scores.score(CLASSES, votes, np.array([0, 2, 6]))

    np.testing.assert_allclose(found["top1"], [1, 0, 0])
    np.testing.assert_allclose(found["top5"], [1, 1, 1 / 3])


def test_an_answer_that_is_no_number_is_infinitely_wrong():
    broken = np.full((1, 7), np.nan)
    found = scores.score(CLASSES, broken, np.array([3]))
    assert found["top1"] == found["top5"] == -np.inf


def test_few_classes_have_no_second_chance():
    few = types.SimpleNamespace(is_dense=False, class_names=list("abc"))

    assert list(scores.metrics(few)) == ["top1"]


def test_depth_is_scored_where_it_is_known():
    truth = np.full((3, 1, 2, 2), 2.0, "float32")
    truth[0, 0, 0] = np.nan
    truth[1] = np.nan
    predicted = np.full((3, 1, 2, 2), 3.0, "float32")
    predicted[0, 0, 1] = [2.2, 4.0]
    predicted[2, 0, 0] = [2.0, 1.9]

    found = scores.score(DEPTH, predicted, truth)

    np.testing.assert_allclose(
        found["abs_rel"], [0.55, np.nan, (0 + 0.05 + 0.5 + 0.5) / 4], rtol=1e-6
    )
    np.testing.assert_allclose(found["delta_1_25"], [0.5, np.nan, 0.5])


def test_a_depth_that_is_not_positive_is_wrong_and_no_error():
    truth = np.full((1, 1, 1, 2), 2.0, "float32")

    found = scores.score(DEPTH, np.array([[[[0.0, -1.0]]]], "float32"), truth)

    assert found["delta_1_25"] == 0
    assert found["abs_rel"] == pytest.approx(1.25)


def test_a_depth_that_is_no_number_is_infinitely_wrong():
    truth = np.full((2, 1, 1, 2), 2.0, "float32")
    truth[1, 0, 0, 0] = np.nan
    answers = np.full((2, 1, 1, 2), 2.0, "float32")
    answers[0, 0, 0, 1] = answers[1, 0, 0, 0] = np.nan

    found = scores.score(DEPTH, answers, truth)

    np.testing.assert_array_equal(found["abs_rel"], [np.inf, 0.0])
    np.testing.assert_array_equal(found["delta_1_25"], [0.5, 1.0])
    with pytest.raises(ValueError, match="1 of 2 predictions are not finite"):
        scores.summarise(found["abs_rel"])


def test_an_interval_is_that_of_the_mean():
    values = np.random.default_rng(0).normal(5.0, 2.0, 1000)

    found = scores.summarise(values)

    half = 1.96 * 2.0 / np.sqrt(1000)
    assert found["value"] == pytest.approx(values.mean())
    assert found["low"] == pytest.approx(values.mean() - half, abs=0.02)
    assert found["high"] == pytest.approx(values.mean() + half, abs=0.02)
    assert found == scores.summarise(values)


def test_unknown_examples_are_left_out():
    found = scores.summarise([0.2, np.nan, 0.4])

    assert found["value"] == pytest.approx(0.3)
    assert 0.2 <= found["low"] < found["high"] <= 0.4


def test_examples_that_are_all_right_do_not_make_it_certain():
    found = scores.summarise([1.0] * 20)

    # Wilson's: n / (n + z^2).
    assert found["value"] == found["high"] == 1.0
    assert found["low"] == pytest.approx(20 / (20 + 1.96**2), abs=1e-3)
    assert scores.summarise([0.0] * 20)["high"] == pytest.approx(
        1 - found["low"]
    )


def test_an_interval_draws_groups():
    rng = np.random.default_rng(0)
    rooms = rng.normal(5.0, 2.0, 50)
    values = np.repeat(rooms, 4) + rng.normal(0, 0.01, 200)
    groups = [f"room {i // 4}" for i in range(200)]

    found = scores.summarise(values, groups)

    half = 1.96 * rooms.std() / np.sqrt(50)
    assert found["value"] == pytest.approx(values.mean())
    assert found["low"] == pytest.approx(values.mean() - half, abs=0.1)
    assert found["high"] == pytest.approx(values.mean() + half, abs=0.1)


def test_groups_of_other_sizes_weigh_as_much_as_their_examples():
    found = scores.summarise([1.0, 2.0, 3.0, 6.0], ["a", "a", "a", "b"])

    assert found["value"] == pytest.approx(3.0)
    assert found["low"] == 2.0 and found["high"] == 6.0


def test_one_group_has_no_interval():
    found = scores.summarise([0.2, 0.3], ["a", "a"])

    assert found == {"value": pytest.approx(0.25), "low": None, "high": None}
    assert (
        scores.interval(found)
        == "no interval: groups of examples do not differ"
    )


@pytest.mark.parametrize(
    "values, groups",
    [([0.25], None), ([0.25] * 3, "aab"), ([0, 1] * 3, "aabbcc")],
)
def test_groups_of_one_mean_have_no_interval(values, groups):
    found = scores.summarise(values, groups and list(groups))

    assert (found["low"], found["high"]) == (None, None)


def test_nothing_to_take_the_mean_of_is_said():
    with pytest.raises(ValueError, match="No example has a value"):
        scores.summarise([np.nan, np.nan])


def test_no_constant_depth_has_a_lower_error_than_the_best_one():
    rng = np.random.default_rng(0)
    truth = rng.uniform(1, 6, (3, 2, 4, 4))
    truth[:, :, 0] = np.nan

    def error(constant):
        answer = np.full(truth.shape, constant)
        return np.nanmean(scores.depth(answer, truth)["abs_rel"])

    best = scores.best_constant_depth(truth)

    assert 1 < best < 6
    assert all(error(best) <= error(best + d) for d in (-0.3, -0.1, 0.1, 0.3))
