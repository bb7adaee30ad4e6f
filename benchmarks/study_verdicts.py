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
# With layers that freeze by themselves, seeds do not cost quite the same.
SAME_LENGTH = 0.8
ROUNDING = 1e-9  # of a score


@dataclasses.dataclass(frozen=True)
class Difference:
    """A method's score minus that of the one it is compared with.

    Args:
        value: float.
        low: float, end of the 95 % interval over seeds and groups.
        high: float, the other end.
        seeds: int.
        groups: int, such as speakers; 1 where answers have no groups.
        cost: float, what each has spent on average. Defaults to `None`.
    """

    value: float
    low: float
    high: float
    seeds: int
    groups: int
    cost: float | None = None

    def word(self, less_is_better: bool = False) -> str:
        """`better`, `worse`, `not apart`, or `not judged`.

        One seed, or seeds and groups that differ in nothing, do not tell how
        much others would differ: nothing is judged.
        """
        if not np.isfinite(self.low):
            return "not judged"
        if self.low <= 0.0 <= self.high:
            return "not apart"
        return "better" if (self.value > 0) != less_is_better else "worse"


def difference(table) -> Difference:
    """The mean of differences, with an interval over seeds and groups.

    Both are random: the interval is Student's, with the variance of a two-way
    layout and Satterthwaite's degrees of freedom. With three seeds and four
    speakers it is wide. With one seed it is unknown, and where all differences
    are equal.

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
    unknown = Difference(value, -np.inf, np.inf, seeds, groups)
    if seeds == 1:
        return unknown
    by_seed, by_group = table.mean(axis=1), table.mean(axis=0)
    # Mean square over its weight, and degrees of freedom.
    parts = [(by_seed.var(ddof=1) / seeds, seeds - 1)]
    if groups > 1:
        parts.append((by_group.var(ddof=1) / groups, groups - 1))
        rest = table - by_seed[:, None] - by_group[None] + value
        freedom = (seeds - 1) * (groups - 1)
        noise = (rest**2).sum() / freedom / table.size
        # Noise is in both means, and is taken off once.
        parts.append((-noise, freedom))
    variance, largest = sum(part for part, _ in parts), max(parts)
    if variance < largest[0]:  # One of the means has at least its own.
        variance, parts = largest[0], [largest]
    if variance < ROUNDING**2:
        return unknown
    spread = sum(part**2 / freedom for part, freedom in parts)
    freedom = variance**2 / spread
    half = stats.t.ppf((1 + LEVEL) / 2, freedom) * np.sqrt(variance)
    return Difference(value, value - half, value + half, seeds, groups)


def compare(rows, method, against, column, budget) -> Difference | None:
    """Two methods, where both have spent the same.

    Between two lengths of run scores are interpolated over the logarithm of
    the cost. The cost is the largest that both have reached, for `steps` the
    longest that both have been trained for. Seeds whose longest run is missing
    are left out, and groups that a seed lacks.

    Args:
        rows: list of dict, `study_rows.collect`.
        method: str.
        against: str.
        column: str.
        budget: key of `BUDGETS`.

    Returns:
        `None` where seeds or costs are missing.
    """
    pairs = pairs_of(rows, method, against, column, budget)
    reached = {
        seed: min(costs[-1] for costs, _ in pair)
        for seed, pair in pairs.items()
    }
    differences, costs = [], []
    for seed, cost in reached.items():
        pair = pairs[seed]
        is_short = cost < SAME_LENGTH * max(reached.values())
        if is_short or any(cost < known[0] for known, _ in pair):
            continue
        ours, theirs = (
            {group: _at(known, scores[group], cost) for group in scores}
            for known, scores in pair
        )
        found = {g: ours[g] - theirs[g] for g in ours.keys() & theirs.keys()}
        if found and np.isfinite([*found.values()]).all():
            differences.append(found)
            costs.append(cost)
    groups = sorted(set.intersection(*map(set, differences or [()])))
    if not groups:
        return None
    table = [[found[group] for group in groups] for found in differences]
    return dataclasses.replace(difference(table), cost=float(np.mean(costs)))


def pairs_of(rows, method, against, column, budget) -> dict:
    """For each seed that both have, their costs and scores."""
    ours, theirs = (
        _curves(rows, name, column, BUDGETS[budget])
        for name in (method, against)
    )
    return {
        seed: (ours[seed], theirs[seed])
        for seed in sorted(ours)
        if seed in theirs
    }


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


def floors_are_beaten(rows, column, steps, methods, floors) -> list[str]:
    """Whether methods are above the floors in every seed, as sentences.

    Args:
        rows: list of dict, `study_rows.collect`.
        column: str, where more is better.
        steps: int, of the runs.
        methods: names.
        floors: names.
    """
    found = []

    def values(name):
        return {
            row["seed"]: row["scores"][column]["value"]
            for row in rows
            if row["method"] == name
            and row["steps"] in (0, steps)
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
