"""Kinetics in its published form: csv lists with time spans."""

import csv
import os
import pathlib

from layerlock.data import files
from layerlock.evaluation.videos import LabelledVideo, VideoTask, carve

_LISTS = {
    "train": ("train.csv",),
    "test": ("validate.csv", "validation.csv", "val.csv"),
}
_VALIDATION = 0.05  # of the training videos


class Kinetics(VideoTask):
    """Human actions, with 400, 600 or 700 classes.

    A line of a list is a span of a video. The file is either the span,
    `ID_000010_000020.mp4`, or the whole video, `ID.mp4`, from which the span is
    read. As in the literature, the validation list is the test split, and 5 %
    of the training videos are the validation split.

    Reference: [Carreira et al., 2019](https://arxiv.org/abs/1907.06987).

    Args:
        data, frames, size, seed, fps, train_views, test_clips, test_crops,
            cache: see `VideoTask`.
    """

    flip = 0.5
    layout = (
        "train.csv and validate.csv (or val.csv) with the columns label, "
        "youtube_id, time_start and time_end, in it or in a sub-folder "
        "annotations, and videos named ID_000010_000020.mp4 or ID.mp4 in any "
        "sub-folder."
    )

    def find_videos(self):
        lists = {split: self._read(split) for split in _LISTS}
        self.class_names = sorted({row["label"] for row in lists["train"]})
        by_stem = {
            pathlib.Path(path).stem: path for path in files.find(self.data)[1]
        }
        matched = set()
        splits = {
            split: self._match(split, rows, by_stem, matched)
            for split, rows in lists.items()
        }
        self.add_problem(
            "videos are in no list and are left out", set(by_stem) - matched
        )
        splits["train"], splits["validation"] = carve(
            splits["train"],
            _VALIDATION,
            key=lambda v: pathlib.Path(v.path).stem,
        )
        return {s: splits[s] for s in ("train", "validation", "test")}

    def _match(self, split, rows, by_stem, matched):
        videos, missing, unknown = [], [], set()
        for row in rows:
            name = row["youtube_id"]
            start, end = (
                float(row[column]) for column in ("time_start", "time_end")
            )
            stem = f"{name}_{int(start):06d}_{int(end):06d}"
            whole = stem not in by_stem
            stem = name if whole else stem
            if row["label"] not in self.class_names:
                unknown.add(row["label"])
            elif stem not in by_stem:
                missing.append(name)
            else:
                matched.add(stem)
                videos.append(
                    LabelledVideo(
                        by_stem[stem],
                        self.class_names.index(row["label"]),
                        (start, end) if whole else None,
                    )
                )
        self.add_problem(f"labels of the {split} split have no video", missing)
        self.add_problem(
            f"classes of the {split} split have no training video and are "
            "left out",
            unknown,
        )
        return videos

    def _read(self, split) -> list[dict]:
        for folder in (self.data, os.path.join(self.data, "annotations")):
            for name in _LISTS[split]:
                path = pathlib.Path(folder) / name
                if path.is_file():
                    return self._rows(path)
        raise ValueError(
            f"{_LISTS[split][0]} is missing in {self.data!r}. Expected "
            f"{self.layout}"
        )

    def _rows(self, path):
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
        columns = {"label", "youtube_id", "time_start", "time_end"}
        lacking = columns - set(rows[0] if rows else ())
        if lacking:
            raise ValueError(
                f"{path} has no column {sorted(lacking)}. Expected "
                f"{self.layout}"
            )
        return rows
