"""What a study elsewhere has found, and this one need not repeat."""

import json
import pathlib

import study_schedule
import study_settings

from layerlock.runs import writing

ROWS = "rows.json"
KEYS = ("method", "flags", "steps", "seed")  # of a run


class Known:
    """Rows of an earlier study of the same encoder, clips and split.

    Scores of a column that was asked in another way are left out.

    Args:
        rows: list of dict, `study_rows.collect`.
        study: the `Study`.

    Attributes:
        rows: those of the same encoder, clips and split.
    """

    def __init__(self, rows, study):
        about = study.about
        self.rows = [row for row in rows if about.items() <= row.items()]
        self._protocols = {q.column: q.protocol for q in study.questions}
        self._rows = {
            _key(row): {**row, "scores": self._comparable(row["scores"])}
            for row in self.rows
        }

    def _comparable(self, scores) -> dict:
        return {
            column: score
            for column, score in scores.items()
            if score.get("protocol") == self._protocols.get(column)
        }

    def merged(self, row: dict) -> dict:
        """A row with what was known of it; its own scores come first.

        Args:
            row: dict with `method`, `flags`, `steps`, `seed` and `scores`,
                which are empty where nothing was found here.
        """
        before = self._rows.get(_key(row), {})
        scores = before.get("scores", {}) | row["scores"]
        return {**before, **row, "scores": scores}

    def answers(self, row: dict, questions) -> bool:
        """Whether a row need not be found again, for some questions."""
        scores = self._rows.get(_key(row), {}).get("scores", {})
        return all(question.column in scores for question in questions)


def read(folder, study) -> Known:
    """Reads a study's folder; its settings become those of `study`.

    Args:
        folder: path of the earlier study. `None` for none.
        study: the `Study`, whose own settings are kept where it has some.
    """
    if folder is None:
        return Known([], study)
    folder = pathlib.Path(folder)
    try:
        rows = load(folder / ROWS)
    except (OSError, ValueError) as error:
        raise ValueError(
            "`known` is the folder of a study, with its rows.json. "
            f"Received: known={str(folder)!r}. {error}"
        ) from error
    known = Known(rows, study)
    taken = [f"{len(known.rows)} of {len(rows)} rows (those of this study)"]
    for name in (study_settings.FILE, study_schedule.FILE):
        source, place = folder / name, study.folder / name
        if source.exists() and not place.exists():
            study.folder.mkdir(parents=True, exist_ok=True)
            writing.write_text(place, source.read_text())
            taken.append(name)
    print(f"Of {folder} are taken: {', and '.join(taken)}.", flush=True)
    return known


def load(place) -> list[dict]:
    """The rows of a file.

    Raises:
        ValueError: if the file has other contents.
    """
    rows = json.loads(place.read_text())
    if not isinstance(rows, list) or not all(
        isinstance(row, dict) and row.keys() >= {*KEYS, "scores"}
        for row in rows
    ):
        raise ValueError(
            f"Expected a list of rows with {', '.join(KEYS)} and scores in "
            f"{place}."
        )
    return rows


def _key(row) -> str:
    return json.dumps([row[name] for name in KEYS])
