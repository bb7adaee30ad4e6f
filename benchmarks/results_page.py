"""Writes the tables of docs/results.md and docs/collapse.md from their rows.

    KERAS_BACKEND=torch python benchmarks/results_page.py
    KERAS_BACKEND=torch python benchmarks/results_page.py --rows=runs/real

The rows are those that `claims.py --grids=main` has left in a folder. Tables
lie between two comments of a page.
"""

import dataclasses
import pathlib
import sys

import page_sections
import study_claims
import study_known
import study_tables
import study_trust
from absl import flags
from study_methods import METHODS
from study_questions import Question
from study_real_clips import DEPTH

DOCS = pathlib.Path(__file__).parents[1] / "docs"
LENGTHS = (500, 1000, 2000, 4000)  # steps
COLUMNS = ("word", "word k-NN", "phrase", "speaker", DEPTH)
FLAGS = flags.FlagValues()
flags.DEFINE_string(
    "rows", str(DOCS / "lips"), "Folder with rows.json.", flag_values=FLAGS
)


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


def main(argv):
    """Replaces the sections of both pages."""
    FLAGS(argv)
    rows = study_known.load(pathlib.Path(FLAGS.rows) / study_known.ROWS)
    for name, page in pages(rows).items():
        path = DOCS / name
        path.write_text(page)
        print(path)


def pages(rows) -> dict:
    """The pages as they should be, by their names.

    Args:
        rows: list of dict, `study_rows.collect`.
    """
    study = ShownStudy()
    claims = study_claims.claims(rows, METHODS, study.questions, LENGTHS[-1])
    sections = {
        "results.md": {
            "rows": study_tables.main_table(study, rows),
            "claims": study_claims.table(claims, study.main),
            "lengths": study_tables.curve_table(study, rows),
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
    main(sys.argv)
