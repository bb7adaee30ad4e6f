"""Something-Something v2 in its published form: json labels and videos."""

import json
import os
import pathlib

from layerlock.evaluation.videos import LabelledVideo, VideoTask, carve

_VALIDATION = 0.05  # of the training videos
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

    Reference: [Goyal et al., 2017](https://arxiv.org/abs/1706.04261).

    Args:
        data, frames, size, seed, fps, train_views, test_clips, test_crops,
            cache: see `VideoTask`.
    """

    layout = (
        "labels.json, train.json and validation.json (or with the prefix "
        "something-something-v2-) in it or in a sub-folder labels, and videos "
        "named ID.webm or ID.mp4 in it or in any sub-folder."
    )

    def find_videos(self):
        numbers = json.loads(self._find("labels").read_text())
        self.class_names = sorted(numbers, key=lambda name: int(numbers[name]))
        index = {name: i for i, name in enumerate(self.class_names)}
        files = _videos_by_id(self.data)
        splits, listed = {}, set()
        for split, name in (("train", "train"), ("test", "validation")):
            entries = json.loads(self._find(name).read_text())
            listed |= {str(entry["id"]) for entry in entries}
            splits[split] = self._match(split, entries, files, index)
        self.add_problem(
            "videos have no label and are left out", set(files) - listed
        )
        splits["train"], splits["validation"] = carve(
            splits["train"],
            _VALIDATION,
            key=lambda v: pathlib.Path(v.path).stem,
        )
        return {s: splits[s] for s in ("train", "validation", "test")}

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

    def _find(self, kind):
        for folder in (self.data, os.path.join(self.data, "labels")):
            for name in _FILES[kind]:
                path = pathlib.Path(folder) / name
                if path.is_file():
                    return path
        raise ValueError(
            f"{_FILES[kind][0]} is missing in {self.data!r}. Expected "
            f"{self.layout}"
        )


def _videos_by_id(folder) -> dict[str, str]:
    paths = {}
    for parent, _, names in os.walk(folder, followlinks=True):
        for name in sorted(names):
            stem, extension = os.path.splitext(name)
            if extension.lower() in _EXTENSIONS:
                paths.setdefault(stem, os.path.join(parent, name))
    return paths
