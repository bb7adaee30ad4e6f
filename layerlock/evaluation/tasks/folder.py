"""Your own classes: a folder with one sub-folder of videos for each."""

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
    """Class sub-folders of videos, split already or not.

    - `DATA/CLASS/*.mp4`: a fifth of each class is kept for the test, 15 % of
      the rest for the validation. Which videos those are depends on their
      names alone. Cuts of one video, as `recipes/prepare.py` makes them, stay
      together, and the shares are of the videos that they were cut from.
    - `DATA/{train,val,test}/CLASS/*.mp4`: as it is. Without a test folder,
      the validation folder is the test; without a validation folder, 15 % of
      the training videos are. Capitals do not matter.

    Args:
        data, frames, size, seed, fps, train_views, test_clips, test_crops,
            cache: see `VideoTask`.
    """

    layout = "class sub-folders of videos, such as DATA/running/one.mp4."

    def find_videos(self):
        self._originals = preparing.sources(self.data)
        given = self._split_folders()
        if given:
            return self._given(given)
        found = _classes(self.data)
        self._name_classes(found)
        splits = {"train": found}
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
        """The videos of each class in the folders that are named as splits."""
        found = {}
        for name in sorted(os.listdir(self.data)):
            split = _SPLITS.get(name.lower())
            classes = split and _classes(os.path.join(self.data, name))
            if not classes:  # a class may be called train
                continue
            if split in found:
                raise ValueError(
                    f"{self.data!r} has more than one folder of the {split} "
                    f"split, {name!r} is one of them. Leave one."
                )
            found[split] = classes
        if found:
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
        if found and "train" not in found:
            raise ValueError(
                f"{self.data!r} has folders for {sorted(found)} and none for "
                "training. Add one named train, with the same class folders."
            )
        return found

    def _given(self, found):
        self._name_classes(found["train"])
        if "test" not in found:
            if "validation" not in found:
                raise ValueError(
                    f"{self.data!r} has a folder of training videos and none "
                    "to test with. Add one named test, or put the class "
                    "folders side by side without one named train."
                )
            found["test"] = found.pop("validation")
            self.problems.append(
                "There is no test folder: the validation folder is the test."
            )
        if "validation" not in found:
            self.problems.append(
                "There is no other validation folder: "
                f"{_HELD_OUT['validation']:.0%} of the training videos are "
                "for the validation."
            )
            found["train"], found["validation"] = self._carve(
                found["train"], _HELD_OUT["validation"]
            )
        for split in ("validation", "test"):
            self.add_problem(
                f"classes of the {split} split have no training video and are "
                "left out",
                set(found[split]) - set(self.class_names),
            )
            self.add_problem(
                f"classes have no video in the {split} split",
                set(self.class_names) - set(found[split]),
            )
        return {
            split: self._videos(found[split])
            for split in ("train", "validation", "test")
        }

    def _name_classes(self, found):
        self.class_names = sorted(found)
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

    def _carve(self, found, part):
        """Parts some originals of each class, with their copies or cuts."""
        kept, held_out = {}, {}
        for name, paths in found.items():
            originals = sorted(set(map(self._original, paths)))
            chosen = set(carve(originals, part, key=_stem)[1])
            for path in paths:
                side = held_out if self._original(path) in chosen else kept
                side.setdefault(name, []).append(path)
        return kept, held_out

    def _original(self, path) -> str:
        return self._originals.get(path, path)

    def _videos(self, found):
        return [
            LabelledVideo(
                path,
                self.class_names.index(name),
                original=self._original(path),
            )
            for name in sorted(set(found) & set(self.class_names))
            for path in found[name]
        ]


def _classes(folder) -> dict[str, list[str]]:
    """Paths of the videos of each class; empty sub-folders are no classes."""
    found = {}
    for path in files.find(folder)[1]:
        name, _, rest = os.path.relpath(path, folder).partition(os.sep)
        if rest:
            found.setdefault(name, []).append(path)
    return found


def _stem(path) -> str:
    """The name of a video, and of its copies in another format."""
    return os.path.splitext(os.path.basename(path))[0]
