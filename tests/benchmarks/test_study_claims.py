"""A study says of each method and budget what is known of it."""

import pytest

from tests.benchmarks import untrained


@pytest.fixture
def found(benchmarks):
    """A function: the claims about methods, as text, from rows."""
    from study_claims import claims
    from study_questions import Question

    def found(rows, methods, steps=200):
        question = Question("word", "folder", "knn")
        return claims(rows, methods, [question], steps)

    return found


@pytest.fixture
def b():
    """A method that is a variant of another."""
    from study_methods import Method

    return Method("B", "", against="C")


def test_each_method_is_compared_with_mae_and_with_what_it_varies(found, b):
    rows = [
        *untrained.rows(0.05),
        *(
            untrained.row("C", steps, seed, 0.2 + 0.01 * seed, 3 * steps)
            for steps in (100, 200)
            for seed in range(3)
        ),
    ]
    pairs = {(claim.method, claim.against) for claim in found(rows, [b])}

    assert pairs == {("B", "MAE"), ("B", "C")}


def test_a_dearer_method_of_one_length_is_named_as_not_compared(found, b):
    rows = [
        row
        for row in untrained.rows(0.05)
        if (row["method"], row["steps"]) != ("B", 100)
    ]
    claims = found(rows, [b])

    assert len(claims) == 3  # budgets
    [flops] = [claim for claim in claims if claim.budget == "FLOPs"]
    assert flops.word == "not compared"
    assert "B is not compared with MAE" in str(flops)


def test_equal_steps_are_those_of_the_table_and_the_longest(found, b):
    from study_claims import table

    rows = untrained.rows(0.05)
    for seed in range(3):
        for method, value in (("MAE", 0.5), ("B", 0.5 + 0.01 * seed)):
            rows.append(untrained.row(method, 400, seed, value, 800))
    claims = found(rows, [b])
    steps = [claim for claim in claims if claim.budget == "steps"]

    assert [claim.spent for claim in steps] == ["200 steps", "400 steps"]
    assert [claim.word for claim in steps] == ["better", "not apart"]
    assert "| B | MAE | better, +0.048 (" in table(claims, claims[0].question)
