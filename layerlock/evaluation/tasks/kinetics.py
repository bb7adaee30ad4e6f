"""Kinetics in its published form: csv lists with time spans."""

import collections
import csv
import math
import os
import pathlib
from typing import NamedTuple

from layerlock.data import files, text_files
from layerlock.data.names import readable
from layerlock.evaluation.videos import LabelledVideo, VideoTask

_LISTS = {
    "train": ("train.csv",),
    "test": ("validate.csv", "validation.csv", "val.csv"),
}
_COLUMNS = ("label", "youtube_id", "time_start", "time_end")
# Seconds by which a clip may be longer than its span, and a video too short.
_LONGER, _SHORTER = 1.0, 0.5


class _Row(NamedTuple):
    label: str
    name: str
    start: float
    end: float

    @property
    def stem(self) -> str:
        """The name of a file that is the span."""
        return f"{self.name}_{int(self.start):06d}_{int(self.end):06d}"


class Kinetics(VideoTask):
    """Human actions, with 400, 600 or 700 classes.

    A line of a list is a span of a video. The file is either the span,
    `ID_000010_000020.mp4`, or named by its video, `ID.mp4`. The latter is the
    whole video, from which the span is read, or if it is too short for that
    and no longer than the span, the span itself. A file in a folder
    `replacement` comes before others of its name. As in the literature, the
    validation list is the test split, and 5 % of the training videos are the
    validation split. Spans of one video are in one split.

    Clips are read at a rate, as those of VideoMAE and V-JEPA: 16 frames, every
    fourth one, which is 7.5 per second of a video at 30. Both test more clips:
    [VideoMAE](https://github.com/MCG-NJU/VideoMAE) 5 times 3 views,
    [V-JEPA](https://github.com/facebookresearch/jepa) 8 times 3.

    Reference: [Carreira et al., 2019](https://arxiv.org/abs/1907.06987).

    Args:
        data, frames, size, seed, fps, train_views, test_clips, test_crops,
            cache, sampling: see `VideoTask`.
    """

    published_sampling = "rate"
    flip = 0.5
    held_out = {"validation": 0.05}
    layout = (
        "train.csv and validate.csv (or val.csv) with the columns label, "
        "youtube_id, time_start and time_end, in it or in a sub-folder "
        "annotations, and videos named ID_000010_000020.mp4 or ID.mp4 in any "
        "sub-folder."
    )

    def find_videos(self):
        lists = {split: self._read(split) for split in _LISTS}
        self.class_names = sorted({row.label for row in lists["train"]})
        paths = collections.defaultdict(list)
        for path in files.find(self.data)[1]:
            paths[pathlib.Path(path).stem].append(path)
        by_stem = self._choose_files(paths, lists)
        rows = [row for some in lists.values() for row in some]
        wholes = {by_stem[row.name] for row in rows if row.name in by_stem}
        self.facts(sorted(wholes))  # at once, since that is parallel
        self.add_problem(
            "videos are in no list and are left out",
            set(by_stem) - {stem for row in rows for stem in _stems(row)},
        )
        return {
            split: self._match(split, some, by_stem)
            for split, some in lists.items()
        }

    def _choose_files(self, paths, lists) -> dict[str, str]:
        """Returns the file of each stem; `ID.mp4` replaces a broken span."""
        by_stem = self.choose(paths)
        both = [
            row
            for rows in lists.values()
            for row in rows
            if row.stem in by_stem and row.name in by_stem
        ]
        spans, wholes = (
            self.facts([by_stem[getattr(row, kind)] for row in both])
            for kind in ("stem", "name")
        )
        broken = {  # a list may have a row twice
            row.stem
            for row, span, whole in zip(both, spans, wholes, strict=True)
            if isinstance(span, str) and not isinstance(whole, str)
        }
        self.add_problem(
            "videos of a span cannot be read, and the whole one is read",
            {self.relative(by_stem.pop(stem)) for stem in broken},
        )
        return by_stem

    def _match(self, split, rows, by_stem):
        index = {name: number for number, name in enumerate(self.class_names)}
        videos, missing, unknown = [], [], set()
        for row in rows:
            stem = next((s for s in _stems(row) if s in by_stem), None)
            if row.label not in index:
                unknown.add(row.label)
            elif stem is None:
                missing.append(row.name)
            else:
                span = None if stem == row.stem else self._span(row, by_stem)
                videos.append(
                    LabelledVideo(
                        by_stem[stem], index[row.label], span, group=row.name
                    )
                )
        self.add_problem(f"labels of the {split} split have no video", missing)
        self.add_problem(
            f"classes of the {split} split have no training video and are "
            "left out",
            unknown,
        )
        return videos

    def _span(self, row, by_stem) -> tuple[float, float] | None:
        """Returns the span of `ID.mp4`; `None` if it is the span already."""
        [facts] = self.facts([by_stem[row.name]])
        if isinstance(facts, str):
            return None
        is_short = facts.duration < row.end - _SHORTER
        if is_short and facts.duration <= row.end - row.start + _LONGER:
            return None
        return row.start, row.end

    def _read(self, split) -> list[_Row]:
        for folder in (self.data, os.path.join(self.data, "annotations")):
            for name in _LISTS[split]:
                path = pathlib.Path(folder) / name
                if path.is_file():
                    return self._rows(path)
        raise ValueError(
            f"{_LISTS[split][0]} is missing in '{readable(self.data)}'. "
            f"Expected {self.layout}"
        )

    def _rows(self, path):
        reader = csv.DictReader(text_files.lines(path))
        lacking = set(_COLUMNS) - set(reader.fieldnames or ())
        if lacking:
            raise ValueError(
                f"{readable(path)} has no column {sorted(lacking)}. Expected "
                f"{self.layout}"
            )
        rows = []
        for line in reader:
            row = _row(line)
            if row is None:
                values = {column: line[column] for column in _COLUMNS}
                raise ValueError(
                    f"Line {reader.line_num} of {readable(path)} cannot be "
                    f"read. Received: {values}. Expected times in seconds; "
                    "correct the line or remove it."
                )
            rows.append(row)
        return rows


def _row(line) -> _Row | None:
    """Returns a line of a list, `None` if it has no label, name or times."""
    try:
        label, name, *times = (line[column].strip() for column in _COLUMNS)
        row = _Row(label, name, *map(float, times))
    except (AttributeError, ValueError):
        return None
    is_finite = math.isfinite(row.start) and math.isfinite(row.end)
    return row if is_finite and label and name else None


def _stems(row) -> tuple[str, str]:
    return row.stem, row.name
