"""What a study claims: one comparison for each method, budget and column."""

import dataclasses

import numpy as np
from study_questions import Question
from study_verdicts import BUDGETS, Difference, compare, pairs_of

from layerlock.runs import wording

MAE = "MAE"


@dataclasses.dataclass(frozen=True)
class Claim:
    """Two methods that have spent the same.

    Args:
        method: str.
        against: str.
        question: `Question`, the column.
        budget: key of `BUDGETS`, what both have spent.
        found: `Difference`, or `None` where no two runs have spent the same.
    """

    method: str
    against: str
    question: Question
    budget: str
    found: Difference | None

    @property
    def word(self) -> str:
        """`better`, `worse`, `not apart`, `not judged` or `not compared`."""
        if self.found is None:
            return "not compared"
        return self.found.word(self.question.is_depth)

    @property
    def spent(self) -> str:
        """What each has spent, such as `18.2 TFLOPs` or `64,000 clips`."""
        cost = self.found.cost
        if self.budget == "FLOPs":
            return wording.scaled(cost, "FLOPs")
        return f"{wording.count(round(cost))} {self.budget.split()[-1]}"

    def __str__(self):
        about = f"{self.question.column}, equal {self.budget}"
        if self.found is None:
            return (
                f"{about}: {self.method} is not compared with {self.against}: "
                "no two of their runs have spent the same."
            )
        apart = {
            "not apart": "is not apart from",
            "not judged": "is not judged against",
        }.get(self.word, f"is {self.word} than")
        one = self.found
        groups = f", {one.groups} groups" if one.groups > 1 else ""
        return (
            f"{about} ({self.spent}): {self.method} {apart} {self.against} "
            f"by {_with_interval(one)}, {one.seeds} "
            f"seed{'s' * (one.seeds > 1)}{groups}."
        )


def claims(rows, methods, questions, steps: int) -> list[Claim]:
    """All comparisons of which something is known.

    Each method is compared with MAE, and with the one that it varies. Equal
    steps are those of the table, and the longest that both have beside.

    Args:
        rows: list of dict, `study_rows.collect`.
        methods: list of `Method`.
        questions: list of `Question`.
        steps: int, of the table.
    """
    of_table = [row for row in rows if row["steps"] <= steps]
    found = []
    for method in methods:
        for against in dict.fromkeys((MAE, method.against)):
            if method.name == against:
                continue
            for budget in BUDGETS:
                for question in questions:
                    asked = (method.name, against, question.column, budget)
                    differences = [compare(rows, *asked)]
                    if budget == "steps":
                        differences.insert(0, compare(of_table, *asked))
                    if not pairs_of(rows, *asked):
                        continue
                    found += [
                        Claim(method.name, against, question, budget, one)
                        for one in dict.fromkeys(differences)
                    ]
    return found


def table(found: list[Claim], question) -> str:
    """The claims about one column: one line for each pair of methods.

    Where runs of two lengths are compared at equal steps, the first is shown,
    which is that of the main table.

    Args:
        found: what `claims` returned.
        question: `Question`, the column.
    """
    lines = [
        ["method", "against", *(f"equal {budget}" for budget in BUDGETS)],
        ["---"] * (2 + len(BUDGETS)),
    ]
    cells = {}
    for claim in found:
        if claim.question.column == question.column:
            own = cells.setdefault((claim.method, claim.against), {})
            own.setdefault(claim.budget, _cell(claim))
    for pair, own in cells.items():
        lines.append([*pair, *(own.get(budget, "") for budget in BUDGETS)])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(claim: Claim) -> str:
    if claim.found is None:
        return claim.word
    found = f"{claim.word}, {_with_interval(claim.found)}"
    # All steps are those of the main table.
    return found if claim.budget == "steps" else f"{found}, at {claim.spent}"


def _with_interval(one: Difference) -> str:
    if np.isfinite(one.low):
        return f"{one.value:+.3f} ({one.low:+.3f} to {one.high:+.3f})"
    reason = "from one run" if one.seeds == 1 else "of equal differences"
    return f"{one.value:+.3f} (no interval {reason})"
