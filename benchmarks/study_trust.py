"""Which number of the log ranks runs as their probes do."""

import numpy as np
from scipy import stats
from study_rows import MONITORS

MIN_RUNS = 5
MIN_METHODS = 5  # for an interval
RESAMPLES = 1000


def correlations(rows, question) -> list[dict]:
    """Spearman's rank correlation of each number with a probe's score.

    All runs are compared, of every length, and in the second part the runs of
    one method with each other, as a loss means the same only there. Intervals
    resample whole methods, since runs of one are dependent. With fewer than
    five methods there is none.

    Args:
        rows: list of dict, `study_rows.collect`.
        question: the `Question`; an error counts negative, so that a number is
            good where the correlation is high.

    Returns:
        A list of dict: `name`, `runs`, `value`, `low`, `high`, and `within`,
        the mean correlation over methods with at least five runs, or `None`.
    """
    runs = [
        row
        for row in rows
        if "monitors" in row and question.column in row["scores"]
    ]
    found = []
    for name in MONITORS:
        known = [row for row in runs if row["monitors"].get(name) is not None]
        numbers = np.array([row["monitors"][name] for row in known])
        scores = np.array(
            [row["scores"][question.column]["value"] for row in known]
        )
        scores = -scores if question.is_depth else scores
        good = np.isfinite(numbers)
        known = [
            row for row, is_good in zip(known, good, strict=True) if is_good
        ]
        numbers, scores = numbers[good], scores[good]
        if len(known) < MIN_RUNS:
            continue
        clusters = [row["method"] for row in known]
        low, high = _interval(numbers, scores, clusters)
        found.append(
            {
                "name": name,
                "runs": len(known),
                "value": _spearman(numbers, scores),
                "low": low,
                "high": high,
                "within": _within(numbers, scores, clusters),
            }
        )
    return found


def table(found: list[dict]) -> str:
    """The correlations as Markdown."""
    lines = [
        "| number | runs | rank correlation | 95 % interval | in a method |",
        "| --- | --- | --- | --- | --- |",
    ]
    for one in found:
        within = "" if one["within"] is None else f"{one['within']:+.2f}"
        lines.append(
            f"| `{one['name']}` | {one['runs']} | {one['value']:+.2f} | "
            f"{_interval_text(one)} | {within} |"
        )
    return "\n".join(lines) + "\n"


def _interval_text(one: dict) -> str:
    if one["low"] is None:
        return "too few methods"
    return f"{one['low']:+.2f} to {one['high']:+.2f}"


def _spearman(numbers, scores) -> float:
    if np.ptp(numbers) == 0 or np.ptp(scores) == 0:
        return 0.0  # nothing is ranked
    ranks = stats.rankdata([numbers, scores], axis=1)
    return float(np.corrcoef(ranks)[0, 1])


def _interval(numbers, scores, clusters) -> tuple:
    names = sorted(set(clusters))
    if len(names) < MIN_METHODS:
        return None, None
    members = [
        [i for i, cluster in enumerate(clusters) if cluster == name]
        for name in names
    ]
    rng = np.random.default_rng(0)
    values = []
    for _ in range(RESAMPLES):
        drawn = rng.integers(len(names), size=len(names))
        indices = np.concatenate([members[i] for i in drawn]).astype(int)
        values.append(_spearman(numbers[indices], scores[indices]))
    low, high = np.quantile(values, (0.025, 0.975))
    return float(low), float(high)


def _within(numbers, scores, clusters) -> float | None:
    found = []
    for method in sorted(set(clusters)):
        own = [i for i, name in enumerate(clusters) if name == method]
        if len(own) >= MIN_RUNS:
            found.append(_spearman(numbers[own], scores[own]))
    return float(np.mean(found)) if found else None
