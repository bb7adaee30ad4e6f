"""The tables and the figure of a study, from its rows."""

import numpy as np
import study_claims
import study_rows
import study_schedule
import study_trust
import study_verdicts
from study_methods import SUPERVISED

from layerlock.runs import wording, writing


def write(study) -> str:
    """Writes `rows.json`, `study.md` and `curves.png`; returns the text.

    A study of one length has no curves.

    Args:
        study: the `Study`.
    """
    rows = study_rows.write(study)
    titles = {
        "selection": "validation speakers",
        "final": "test speakers",
    }
    who = titles[study.split] if study.clips.name == "real" else study.split
    trust = study_trust.correlations(rows, study.main)
    found = study_claims.claims(
        rows, study.active(), study.questions, study.lengths[-1]
    )
    has_curves = any(method.has_curve for method in study.methods)
    parts = [
        f"# Study on {study.clips.name}, {who}",
        main_table(study, rows),
        f"## Against each other: {study.main.column}",
        study_claims.table(found, study.main),
        "## Every comparison",
        "\n".join(
            f"- {claim}"
            for claim in [
                *study_verdicts.floors_are_beaten(
                    rows,
                    study.main.column,
                    study.lengths[-1],
                    ("MAE", "LayerLock"),
                    study.floors,
                ),
                *found,
            ]
        ),
        *(["## Curves", curve_table(study, rows)] if has_curves else []),
        f"## Numbers of the log, against {study.main.column}",
        study_trust.table(trust),
    ]
    missing = [m.name for m in study.methods if m not in study.active()]
    if missing:
        is_known = (study.folder / study_schedule.FILE).exists()
        reason = (
            "found no step from which on freezing costs less than its tolerance"
            if is_known
            else "was not run yet"
        )
        parts.append(
            f"Left out: {', '.join(missing)}. The study of convergence "
            f"{reason}."
        )
    text = "\n\n".join(parts) + "\n"
    writing.write_text(study.folder / "study.md", text)
    if has_curves:
        draw(study, rows, study.folder / "curves.png")
    return text


def main_table(study, rows) -> str:
    """One line for each method at its longest, with all columns."""
    columns = [question.column for question in study.questions]
    heads = ["row", *columns, "FLOPs", "seconds", "clips decoded", "memory"]
    lines = [heads, ["---"] * len(heads)]
    longest = study.lengths[-1]
    names = sorted(
        {row["method"]: 0 for row in rows if row["steps"] in (0, longest)},
        key=lambda name: name == SUPERVISED,
    )
    for name in names:
        own = [
            row
            for row in rows
            if row["method"] == name and row["steps"] in (0, longest)
        ]
        cells = [name]
        for column in columns:
            values = [
                row["scores"][column]["value"]
                for row in own
                if column in row["scores"]
            ]
            cells.append(mean(values, study.seeds))
        cells += [
            _known(own, "flops", lambda x: wording.scaled(x, "FLOPs")),
            _known(own, "seconds", lambda x: f"{x:.0f}"),
            _known(own, "clips", lambda x: wording.count(round(x))),
            _known(own, "peak_memory_bytes", wording.memory),
        ]
        lines.append(cells)
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def curve_table(study, rows) -> str:
    """The main column of each method with several lengths, over its steps."""
    found = curves(study, rows)
    names = [name for name, points in found.items() if len(points) > 1]
    lines = [["steps", *names], ["---"] * (1 + len(names))]
    for steps in sorted({steps for name in names for steps in found[name]}):
        cells = [
            [
                row["scores"][study.main.column]["value"]
                for row in found[name].get(steps, ())
            ]
            for name in names
        ]
        means = (mean(values, study.seeds) for values in cells)
        lines.append([wording.count(steps), *means])
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def curves(study, rows) -> dict:
    """For each method with several lengths, its rows by their steps."""
    found = {}
    for method in study.active():
        if not method.has_curve:
            continue
        for row in rows:
            asked = study.main.column in row["scores"]
            if row["method"] == method.name and asked:
                points = found.setdefault(method.name, {})
                points.setdefault(row["steps"], []).append(row)
    return {
        name: dict(sorted(points.items())) for name, points in found.items()
    }


def draw(study, rows, path):
    """Scores over FLOPs and over decoded clips, with the range of the seeds."""
    from matplotlib import ticker
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    for number, (key, label) in enumerate(
        (("flops", "FLOPs"), ("clips", "clips decoded")), start=1
    ):
        axes = figure.add_subplot(1, 2, number)
        for index, (name, points) in enumerate(curves(study, rows).items()):
            costs = [
                np.mean([row[key] for row in own]) for own in points.values()
            ]
            values = [
                [row["scores"][study.main.column]["value"] for row in own]
                for own in points.values()
            ]
            means = [np.mean(some) for some in values]
            colour = f"C{index}"
            axes.plot(costs, means, color=colour, marker="o", label=name)
            axes.fill_between(
                costs,
                [min(some) for some in values],
                [max(some) for some in values],
                color=colour,
                alpha=0.12,
                linewidth=0,
            )
        for style, floor in (("--", "random encoder"), (":", "raw pixels")):
            values = [
                row["scores"][study.main.column]["value"]
                for row in rows
                if row["method"] == floor and study.main.column in row["scores"]
            ]
            if values:
                axes.axhline(
                    np.mean(values), color="grey", linestyle=style, label=floor
                )
        axes.set_xscale("log", base=2)  # lengths double
        axes.xaxis.set_major_formatter(ticker.EngFormatter(places=0, sep=""))
        axes.set_xlabel(label)
        axes.set_ylabel(study.main.column)
        axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=7)
    figure.savefig(path, dpi=120)


def mean(values, seeds: int) -> str:
    """The mean over seeds, their standard deviation, and which are missing."""
    if not values:
        return ""
    spread = f" ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else ""
    note = f" ({len(values)} of {seeds} seeds)" if len(values) < seeds else ""
    return f"{np.mean(values):.3f}{spread}{note}"


def _known(rows, key, form) -> str:
    values = [row[key] for row in rows if row.get(key)]
    return form(float(np.mean(values))) if values else ""
