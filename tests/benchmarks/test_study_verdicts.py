"""Two methods are compared where both have spent the same."""

import numpy as np
import pytest
from scipy import stats

from tests.benchmarks import untrained


def test_the_interval_of_seeds_alone_is_students():
    from study_verdicts import difference

    values = np.array([0.1, 0.3, 0.2])
    found = difference(values[:, None])

    expected = stats.t.interval(0.95, 2, values.mean(), stats.sem(values))
    assert (found.low, found.high) == pytest.approx(expected)


def test_an_interval_covers_seeds_and_speakers():
    from study_verdicts import difference

    random = np.random.default_rng(0)
    covered = 0
    for _ in range(400):
        table = (
            0.05
            + 0.03 * random.normal(size=(3, 1))
            + 0.05 * random.normal(size=(1, 4))
            + 0.02 * random.normal(size=(3, 4))
        )
        found = difference(table)
        covered += found.low <= 0.05 <= found.high

    assert 0.92 <= covered / 400 <= 1.0


@pytest.mark.parametrize(
    "offset, budget, word",
    [
        (0.05, "steps", "better"),
        (-0.05, "steps", "worse"),
        (0.0, "steps", "not apart"),
        (0.05, "decoded clips", "better"),
        (0.05, "FLOPs", "worse"),  # 200 are spent after half of the steps
    ],
)
def test_methods_are_compared_where_both_have_spent_the_same(
    offset, budget, word
):
    from study_verdicts import compare

    found = compare(untrained.rows(offset), "B", "MAE", "word", budget)

    assert found.word() == word
    assert found.seeds == 3


def test_a_seed_without_its_longest_run_is_left_out():
    from study_verdicts import compare

    rows = untrained.rows(0.05)
    rows = [
        row
        for row in rows
        if (row["method"], row["seed"], row["steps"]) != ("B", 1, 200)
    ]
    found = compare(rows, "B", "MAE", "word", "steps")

    assert found.seeds == 2
    assert found.cost == 200


def test_a_seed_without_short_runs_does_not_end_the_comparison():
    from study_verdicts import compare

    rows = [
        row
        for row in untrained.rows(0.05)
        if (row["method"], row["seed"], row["steps"]) != ("B", 1, 100)
    ]

    assert compare(rows, "B", "MAE", "word", "FLOPs").seeds == 2


def test_one_seed_is_no_verdict():
    from study_verdicts import difference

    found = difference([[0.3, 0.31, 0.32, 0.3]])

    assert found.word() == "not judged"
    assert not np.isfinite(found.low)


@pytest.mark.parametrize("groups", [1, 4])
def test_equal_differences_are_no_verdict(groups):
    from study_verdicts import difference

    found = difference([[0.1] * groups] * 3)

    assert found.word() == "not judged"
    assert found.value == pytest.approx(0.1)


def test_a_method_that_is_missing_is_not_compared():
    from study_verdicts import compare

    assert compare(untrained.rows(0.1), "C", "MAE", "word", "steps") is None


def test_a_lower_error_is_better():
    from study_verdicts import Difference

    assert Difference(-0.1, -0.2, -0.05, 3, 1).word(True) == "better"


def test_a_seed_that_has_not_spent_the_same_is_left_out():
    from study_verdicts import compare

    rows = [
        row
        for row in untrained.rows(0.05)
        if (row["method"], row["steps"]) != ("B", 100)
        if (row["method"], row["seed"], row["steps"]) != ("MAE", 1, 200)
    ]
    for row in rows:
        if row["method"] == "B":
            row["flops"] = 190  # between the two lengths of MAE
        elif row["seed"] == 1:
            row["flops"] = 189  # the longest: B has no run as short

    found = compare(rows, "B", "MAE", "word", "FLOPs")

    assert found.seeds == 2
    assert np.isfinite(found.value)


def test_a_speaker_that_a_seed_lacks_is_left_out():
    from study_verdicts import compare

    rows = []
    for method, right in (("A", 5), ("B", 6)):
        for seed in range(3):
            row = untrained.row(method, 100, seed, 0.5)
            groups = {"M02": [right, 10], "M04": [right + seed, 10]}
            row["scores"]["word"]["groups"] = groups
            rows.append(row)
    del rows[0]["scores"]["word"]["groups"]["M02"]

    found = compare(rows, "B", "A", "word", "steps")

    assert (found.seeds, found.groups) == (3, 1)
    assert found.value == pytest.approx(0.1)


@pytest.mark.parametrize("spread", [(1, 0.5, 0.3), (0.3, 1, 0.3), (1, 0, 1)])
def test_intervals_of_three_seeds_are_wide_enough(spread):
    from study_verdicts import difference

    random = np.random.default_rng(1)
    by_seed, by_group, noise = spread
    covered = 0
    for _ in range(1000):
        table = by_seed * random.normal(size=(3, 1))
        table = table + by_group * random.normal(size=(1, 4))
        found = difference(table + noise * random.normal(size=(3, 4)))
        covered += found.low <= 0 <= found.high

    assert 0.92 <= covered / 1000 <= 0.99
