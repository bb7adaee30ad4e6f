"""Better, worse or not apart: methods at equal steps, FLOPs and clips."""

import dataclasses

import numpy as np
from scipy import stats

LEVEL = 0.95
# What is held equal, and the key of a row that measures it.
BUDGETS = {
    "steps": "steps",
    "FLOPs": "flops",
    "decoded clips": "clips",
}


@dataclasses.dataclass(frozen=True)
class Difference:
    """A method's score minus that of the one it is compared with.

    Args:
        value: float.
        low: float, end of the 95 % interval over seeds and groups.
        high: float, the other end.
        seeds: int.
        groups: int, such as speakers; 1 where answers have no groups.
    """

    value: float
    low: float
    high: float
    seeds: int
    groups: int

    def word(self, less_is_better: bool = False) -> str:
        """`better`, `worse` or `not apart`."""
        if self.low <= 0.0 <= self.high:
            return "not apart"
        return "better" if (self.value > 0) != less_is_better else "worse"


def difference(table) -> Difference:
    """The mean of differences, with an interval over seeds and groups.

    Both are random: the interval is Student's, with the variance of a two-way
    layout and Satterthwaite's degrees of freedom. With three seeds and four
    speakers it is wide.

    Args:
        table: Shape `(seeds, groups)`.

    Example:

    >>> found = difference([[0.1, 0.2], [0.1, 0.2], [0.1, 0.2]])
    >>> round(found.value, 2), found.word()
    (0.15, 'not apart')
    """
    table = np.asarray(table, "float64")
    seeds, groups = table.shape
    value = float(table.mean())
    parts = []  # mean square over its weight, and degrees of freedom
    by_seed, by_group = table.mean(axis=1), table.mean(axis=0)
    if seeds > 1:
        parts.append((by_seed.var(ddof=1) / seeds, seeds - 1))
    if groups > 1:
        parts.append((by_group.var(ddof=1) / groups, groups - 1))
    variance = sum(part for part, _ in parts)
    if seeds > 1 and groups > 1:
        rest = table - by_seed[:, None] - by_group[None] + value
        freedom = (seeds - 1) * (groups - 1)
        noise = (rest**2).sum() / freedom / table.size
        # Noise is in both means. Taken off once, it leaves at least one.
        variance = max(variance - noise, *(part for part, _ in parts))
    if not parts:
        return Difference(value, -np.inf, np.inf, seeds, groups)
    spread = sum(part**2 / freedom for part, freedom in parts)
    freedom = sum(part for part, _ in parts) ** 2 / spread if spread else 1.0
    half = stats.t.ppf((1 + LEVEL) / 2, freedom) * np.sqrt(variance)
    return Difference(value, value - half, value + half, seeds, groups)


def compare(rows, method, against, column, budget) -> Difference | None:
    """Two methods, where both have spent the same.

    Between two lengths of run scores are interpolated over the logarithm of
    the cost. The cost is the largest that both have reached, for `steps` the
    longest that both have been trained for.

    Args:
        rows: list of dict, `study_rows.collect`.
        method: str.
        against: str.
        column: str.
        budget: key of `BUDGETS`.

    Returns:
        `None` where seeds or costs are missing.
    """
    key = BUDGETS[budget]
    curves = [_curves(rows, name, column, key) for name in (method, against)]
    seeds = sorted(set(curves[0]) & set(curves[1]))
    if not seeds:
        return None
    tables = []
    for seed in seeds:
        pair = [one[seed] for one in curves]
        groups = sorted(set.intersection(*(set(g) for _, g in pair)))
        cost = min(costs[-1] for costs, _ in pair)
        if any(cost < costs[0] for costs, _ in pair):
            return None
        ours, theirs = (
            [_at(costs, scores[group], cost) for group in groups]
            for costs, scores in pair
        )
        tables.append(np.subtract(ours, theirs))
    if len({len(table) for table in tables}) > 1:
        return None
    return difference(tables)


def _curves(rows, method, column, key) -> dict:
    """For each seed the costs, and for each group the scores at them."""
    found = {}
    for row in rows:
        if row["method"] != method or column not in row["scores"]:
            continue
        score = row["scores"][column]
        groups = score.get("groups")
        values = (
            {name: right / count for name, (right, count) in groups.items()}
            if groups
            else {"": score["value"]}
        )
        found.setdefault(row["seed"], []).append((row.get(key), values))
    curves = {}
    for seed, points in found.items():
        if any(cost is None for cost, _ in points):
            continue
        points.sort(key=lambda point: point[0])
        names = set.intersection(*(set(values) for _, values in points))
        curves[seed] = (
            [cost for cost, _ in points],
            {name: [values[name] for _, values in points] for name in names},
        )
    return curves


def _at(costs, scores, cost) -> float:
    """A score at a cost."""
    if len(costs) == 1:
        return scores[0] if cost == costs[0] else float("nan")
    return float(np.interp(np.log(cost), np.log(costs), scores))


def sentences(rows, methods, questions) -> list[str]:
    """One sentence for each method, budget and column that can be compared.

    Args:
        rows: list of dict, `study_rows.collect`.
        methods: list of `Method`.
        questions: list of `Question`.
    """
    found = []
    for method in methods:
        if method.name == method.against:
            continue
        for budget in BUDGETS:
            for question in questions:
                one = compare(
                    rows, method.name, method.against, question.column, budget
                )
                if one is None or np.isnan(one.value):
                    continue
                found.append(_sentence(method, budget, question, one))
    return found


def _sentence(method, budget, question, one: Difference) -> str:
    word = one.word(question.is_depth)
    apart = f"is {word} than" if word != "not apart" else "is not apart from"
    groups = f", {one.groups} groups" if one.groups > 1 else ""
    interval = (
        f"{one.low:+.3f} to {one.high:+.3f}"
        if np.isfinite(one.low)
        else "no interval from one run"
    )
    return (
        f"{question.column}, equal {budget}: {method.name} {apart} "
        f"{method.against} ({one.value:+.3f}, {interval}; {one.seeds} "
        f"seeds{groups})."
    )


def floors_are_beaten(rows, column, methods, floors) -> list[str]:
    """Whether methods are above the floors in every seed, as sentences.

    Args:
        rows: list of dict, `study_rows.collect`.
        column: str, where more is better.
        methods: names.
        floors: names.
    """
    found = []
    longest = max((row["steps"] for row in rows), default=0)

    def values(name):
        return {
            row["seed"]: row["scores"][column]["value"]
            for row in rows
            if row["method"] == name
            and row["steps"] in (0, longest)
            and column in row["scores"]
        }

    for method in methods:
        for floor in floors:
            ours, theirs = values(method), values(floor)
            seeds = sorted(set(ours) & set(theirs))
            if not seeds:
                continue
            above = [seed for seed in seeds if ours[seed] > theirs[seed]]
            found.append(
                f"{column}: {method} is above {floor} in {len(above)} of "
                f"{len(seeds)} seeds."
            )
    return found
