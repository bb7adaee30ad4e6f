"""Numbers of the log are ranked against a probe."""

import pytest

from tests.benchmarks import untrained


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
    assert "| `loss` | 12 | -1.00 |" in table(list(found.values()))
