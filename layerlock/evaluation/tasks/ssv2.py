"""Something-Something v2 in its published form: json labels and videos."""

import collections
import os
import pathlib

from layerlock import json_files
from layerlock.data import text_files
from layerlock.data.names import readable
from layerlock.data.walk import walk
from layerlock.evaluation.videos import LabelledVideo, VideoTask

_FILES = {
    name: (f"{name}.json", f"something-something-v2-{name}.json")
    for name in ("labels", "train", "validation")
}
_EXTENSIONS = (".webm", ".mp4")


class SomethingSomething(VideoTask):
    """174 classes of actions with objects.

    The labels of the official test split are not public. As in the literature,
    the official validation split is the test split, and 5 % of the training
    videos are the validation split.

    A video is one action from its start to its end, so that frames are spread
    over the whole of it, as in temporal segment networks and in the
    [fine-tuning of VideoMAE](https://github.com/MCG-NJU/VideoMAE), with the
    same 2 times 3 views in the test. The probe of
    [V-JEPA](https://github.com/facebookresearch/jepa) reads 2 times 3 views of
    every fourth frame instead, which is `sampling="rate"` with `fps=3`.

    Reference: [Goyal et al., 2017](https://arxiv.org/abs/1706.04261).

    Args:
        data, frames, size, seed, fps, train_views, test_clips, test_crops,
            cache, sampling: see `VideoTask`.
    """

    published_sampling = "whole"
    held_out = {"validation": 0.05}
    layout = (
        "labels.json, train.json and validation.json (or with the prefix "
        "something-something-v2-) in it or in a sub-folder labels, and videos "
        "named ID.webm or ID.mp4 in it or in any sub-folder."
    )

    def find_videos(self):
        numbers = self._load("labels", dict)
        self.class_names = sorted(numbers, key=lambda name: int(numbers[name]))
        index = {name: i for i, name in enumerate(self.class_names)}
        files = self.choose(_videos_by_id(self.data))
        splits, listed = {}, set()
        for split, name in (("train", "train"), ("test", "validation")):
            entries = self._load(name, list)
            listed |= {str(entry["id"]) for entry in entries}
            splits[split] = self._match(split, entries, files, index)
        self.add_problem(
            "videos have no label and are left out", set(files) - listed
        )
        return splits

    def _match(self, split, entries, files, index):
        videos, missing, unknown = [], [], set()
        for entry in entries:
            name = entry["template"].replace("[", "").replace("]", "")
            path = files.get(str(entry["id"]))
            if name not in index:
                unknown.add(name)
            elif path is None:
                missing.append(entry["id"])
            else:
                videos.append(LabelledVideo(path, index[name]))
        self.add_problem(f"labels of the {split} split have no video", missing)
        self.add_problem(f"labels of the {split} split are no class", unknown)
        return videos

    def _load(self, kind, content):
        for folder in (self.data, os.path.join(self.data, "labels")):
            for name in _FILES[kind]:
                path = pathlib.Path(folder) / name
                if path.is_file():
                    return _READERS[content](path)
        raise ValueError(
            f"{_FILES[kind][0]} is missing in '{readable(self.data)}'. "
            f"Expected {self.layout}"
        )


def _read_classes(path) -> dict:
    """Returns the number of each class."""
    numbers = json_files.decode(text_files.read(path), readable(path))
    json_files.check(numbers, dict.fromkeys(numbers, _NUMBER), readable(path))
    return numbers


def _read_entries(path) -> list:
    """Returns the videos of a split."""
    entries = json_files.decode(text_files.read(path), readable(path), list)
    for number, entry in enumerate(entries, start=1):
        place = f"entry {number} of {readable(path)}"
        json_files.check({place: entry}, {place: _ENTRY}, "the labels")
    return entries


_NUMBER = json_files.one_of(
    json_files.WHOLE,
    json_files.Kind(
        "a whole number as text",
        lambda x: isinstance(x, str) and x.isascii() and x.isdigit(),
    ),
)
_NAME = json_files.one_of(json_files.TEXT, json_files.WHOLE)
_ENTRY = json_files.object_of(
    {"id": _NAME, "template": json_files.TEXT}, required=("id", "template")
)
_READERS = {dict: _read_classes, list: _read_entries}


def _videos_by_id(folder) -> dict[str, list[str]]:
    paths = collections.defaultdict(list)
    for parent, _, names in walk(folder):
        for name in names:
            stem, extension = os.path.splitext(name)
            if extension.lower() in _EXTENSIONS:
                paths[stem].append(os.path.join(parent, name))
    return paths
