"""Numbers of the log are ranked against a probe."""

import pytest

from tests.benchmarks import untrained


def test_more_runs_of_a_method_are_no_more_evidence():
    import numpy as np
    from study_questions import Question
    from study_trust import correlations

    random = np.random.default_rng(0)
    numbers = random.normal(size=(13, 2))

    def found(lengths):
        rows = []
        for method, (score, rank) in enumerate(numbers):
            for steps in lengths:
                one = untrained.row(f"{method}", steps, 0, score)
                rows.append({**one, "monitors": {"effective_rank": rank}})
        [one] = correlations(rows, Question("word", "folder", "knn"))
        return one["value"], one["low"], one["high"]

    assert found((100, 200, 300)) == pytest.approx(found((100,)))


def test_a_number_that_a_run_could_not_measure_is_left_out():
    from study_questions import Question
    from study_trust import correlations

    rows = untrained.rows(0.1)
    rows[0]["monitors"]["loss"] = None  # NaN, in a file
    [loss, *_] = correlations(rows, Question("word", "folder", "knn"))

    assert loss["runs"] == 11


def test_a_number_that_ranks_runs_as_their_probe_is_found():
    from study_questions import Question
    from study_trust import correlations, table

    found = {
        one["name"]: one
        for one in correlations(
            untrained.rows(0.1), Question("word", "folder", "knn")
        )
    }

    assert found["loss"]["value"] == pytest.approx(-1.0, abs=0.01)
    assert found["loss"]["within"] == pytest.approx(-1.0, abs=0.01)
    assert found["effective_rank"]["value"] == 0.0
    assert found["loss"]["low"] is None  # there are two methods
    assert "| `loss` | 12 | -1.00 | too few" in table(list(found.values()))
