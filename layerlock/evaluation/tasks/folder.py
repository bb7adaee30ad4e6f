"""Custom classes: a folder with a sub-folder of videos per class."""

import os

from layerlock.data import files, preparing
from layerlock.evaluation.videos import LabelledVideo, VideoTask, carve

_SPLITS = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "test": "test",
    "testing": "test",
}
_HELD_OUT = {"test": 0.2, "validation": 0.15}  # shares of each class


class FolderTask(VideoTask):
    """Class sub-folders of videos, with or without split folders.

    - `DATA/CLASS/*.mp4`: a fifth of each class is the test split, 15 % of the
      rest the validation split. The split depends on file names only. Trims
      of one video, from `layerlock.data.preparing`, stay in one split; the
      shares count original videos.
    - `DATA/{train,val,test}/CLASS/*.mp4`: the given splits. Without a test
      folder, the validation folder is the test split. Without a validation
      folder, 15 % of the training videos are the validation split. Case does
      not matter.

    Args:
        data, frames, size, seed, fps, train_views, test_clips, test_crops,
            cache: see `VideoTask`.
    """

    layout = "class sub-folders of videos, such as DATA/running/one.mp4."

    def find_videos(self):
        self._originals = preparing.sources(self.data)
        split_folders = self._split_folders()
        if split_folders:
            return self._use_split_folders(split_folders)
        classes = _classes(self.data)
        self._name_classes(classes)
        splits = {"train": classes}
        for split in ("test", "validation"):
            splits["train"], splits[split] = self._carve(
                splits["train"], _HELD_OUT[split]
            )
        self.add_problem(
            "classes have too few videos to test them",
            set(splits["train"]) - set(splits["test"]),
        )
        return {
            split: self._videos(splits[split])
            for split in ("train", "validation", "test")
        }

    def _split_folders(self) -> dict[str, dict]:
        """Returns the videos of each class in the split folders."""
        splits = {}
        for name in sorted(os.listdir(self.data)):
            split = _SPLITS.get(name.lower())
            classes = split and _classes(os.path.join(self.data, name))
            if not classes:  # a class may have the name train
                continue
            if split in splits:
                raise ValueError(
                    f"{self.data!r} has more than one folder of the {split} "
                    f"split, {name!r} is one of them. Leave one."
                )
            splits[split] = classes
        if splits:
            self.add_problem(
                "folders are no split, and are left out",
                [
                    name
                    for name in os.listdir(self.data)
                    if name.lower() not in _SPLITS
                    and os.path.isdir(os.path.join(self.data, name))
                    and not name.startswith(".")
                ],
            )
        if splits and "train" not in splits:
            raise ValueError(
                f"{self.data!r} has folders for {sorted(splits)} and none for "
                "training. Add one named train, with the same class folders."
            )
        return splits

    def _use_split_folders(self, splits):
        self._name_classes(splits["train"])
        if "test" not in splits:
            if "validation" not in splits:
                raise ValueError(
                    f"{self.data!r} has a folder of training videos and none "
                    "to test with. Add one named test, or put the class "
                    "folders side by side without one named train."
                )
            splits["test"] = splits.pop("validation")
            self.problems.append(
                "There is no test folder: the validation folder is the test."
            )
        if "validation" not in splits:
            self.problems.append(
                "There is no other validation folder: "
                f"{_HELD_OUT['validation']:.0%} of the training videos are "
                "for the validation."
            )
            splits["train"], splits["validation"] = self._carve(
                splits["train"], _HELD_OUT["validation"]
            )
        for split in ("validation", "test"):
            self.add_problem(
                f"classes of the {split} split have no training video and are "
                "left out",
                set(splits[split]) - set(self.class_names),
            )
            self.add_problem(
                f"classes have no video in the {split} split",
                set(self.class_names) - set(splits[split]),
            )
        return {
            split: self._videos(splits[split])
            for split in ("train", "validation", "test")
        }

    def _name_classes(self, classes):
        self.class_names = sorted(classes)
        if len(self.class_names) < 2:
            raise ValueError(
                f"Classes are sub-folders of videos, and {self.data!r} has "
                f"{self.class_names}. Expected at least two."
            )
        if all(name.lower() in _SPLITS for name in self.class_names):
            raise ValueError(
                f"{self.data!r} has {self.class_names}, which are splits and "
                "no classes. Put the videos of each class into a folder of "
                "its own in each of them."
            )

    def _carve(self, classes, part):
        """Splits off some originals of each class, with copies and trims."""
        kept, held_out = {}, {}
        for name, paths in classes.items():
            originals = sorted(set(map(self._original, paths)))
            selection = set(carve(originals, part, key=_stem)[1])
            for path in paths:
                side = held_out if self._original(path) in selection else kept
                side.setdefault(name, []).append(path)
        return kept, held_out

    def _original(self, path) -> str:
        return self._originals.get(path, path)

    def _videos(self, classes):
        return [
            LabelledVideo(
                path,
                self.class_names.index(name),
                original=self._original(path),
            )
            for name in sorted(set(classes) & set(self.class_names))
            for path in classes[name]
        ]


def _classes(folder) -> dict[str, list[str]]:
    """Returns the videos of each class; ignores empty sub-folders."""
    classes = {}
    for path in files.find(folder)[1]:
        name, _, rest = os.path.relpath(path, folder).partition(os.sep)
        if rest:
            classes.setdefault(name, []).append(path)
    return classes


def _stem(path) -> str:
    """Returns the name of a video without its format."""
    return os.path.splitext(os.path.basename(path))[0]
