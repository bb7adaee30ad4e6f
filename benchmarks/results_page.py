"""Writes the tables of docs/results.md and docs/collapse.md from their rows.

    KERAS_BACKEND=torch python benchmarks/results_page.py

The rows are those that `claims.py --grids=main` and `--grids=gap` have left in
the folders of their studies, copied to docs/lips. Tables lie between two
comments of a page.
"""

import dataclasses
import json
import pathlib

import page_sections
import study_claims
import study_gap
import study_known
import study_tables
import study_trust
from study_methods import METHODS
from study_questions import Question
from study_real_clips import DEPTH

DOCS = pathlib.Path(__file__).parents[1] / "docs"
LENGTHS = (500, 1000, 2000, 4000)  # steps
COLUMNS = ("word", "word k-NN", "phrase", "speaker", DEPTH)
ROWS = DOCS / "lips" / study_known.ROWS
TINY = DOCS / "lips" / "tiny.json"  # rows of the larger encoder
GAP = DOCS / "lips" / study_gap.FILE


@dataclasses.dataclass(frozen=True)
class ShownStudy:
    """What tables need to know of a study.

    Args:
        lengths: tuple of int, steps of its runs, the table's last.
        columns: tuple of str, the main one first.
        seeds: int. Defaults to `3`.
        methods: tuple of `Method`. Defaults to all.
    """

    lengths: tuple = LENGTHS
    columns: tuple = COLUMNS
    seeds: int = 3
    methods: tuple = METHODS

    @property
    def questions(self):
        return [
            Question(name, "scannet" if name == DEPTH else "folder", "")
            for name in self.columns
        ]

    @property
    def main(self):
        return self.questions[0]

    def active(self):
        return self.methods


def main():
    """Replaces the sections of both pages."""
    for name, page in pages().items():
        path = DOCS / name
        path.write_text(page)
        print(path)


def pages() -> dict:
    """The pages as they should be, by their names."""
    rows, tiny_rows = map(study_known.load, (ROWS, TINY))
    gap = json.loads(GAP.read_text())
    study = ShownStudy()
    tiny = ShownStudy((2000,), COLUMNS[:2], seeds=1)
    claims = study_claims.claims(rows, METHODS, study.questions, LENGTHS[-1])
    sections = {
        "results.md": {
            "rows": study_tables.main_table(study, rows),
            "claims": study_claims.table(claims, study.main),
            "lengths": study_tables.curve_table(study, rows),
            "tiny": study_tables.main_table(tiny, tiny_rows),
            "gap": study_gap.table(gap, 1 + max(one["seed"] for one in gap)),
        },
        "collapse.md": {
            "trust": study_trust.table(
                study_trust.correlations(rows, study.main)
            )
        },
    }
    found = {}
    for name, parts in sections.items():
        text = (DOCS / name).read_text()
        for section, table in parts.items():
            text = page_sections.replace(text, section, table)
        found[name] = text
    return found


if __name__ == "__main__":
    main()
