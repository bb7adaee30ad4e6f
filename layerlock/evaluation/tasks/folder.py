"""Custom classes: a folder with a sub-folder of videos per class."""

import dataclasses
import os
import re

from layerlock.data import files, lists, preparing
from layerlock.data.names import readable
from layerlock.evaluation.videos import LabelledVideo, VideoTask

_SPLITS = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "test": "test",
    "testing": "test",
}


class FolderTask(VideoTask):
    """Class sub-folders of videos, with or without split folders.

    - `DATA/CLASS/*.mp4`: a fifth of each class is the test split, 15 % of the
      rest the validation split. The split depends on names and on equal
      files only. Trims of one video, from `layerlock.data.preparing`, links
      and copies stay in one split; the shares count groups of videos.
    - `DATA/{train,val,test}/CLASS/*.mp4`: the given splits. Without a test
      folder, the validation folder is the test split. Without a validation
      folder, 15 % of the training videos are the validation split. Case does
      not matter. A group of two splits is left out of the training split.

    Args:
        data, frames, size, seed, fps, train_views, test_clips, test_crops,
            cache, sampling: see `VideoTask`.
        groups: str, a regular expression. Videos whose `CLASS/NAME` has the
            same match, or the same parenthesised parts of it, are a group:
            `v_\\w+_g\\d+` for UCF-101, whose groups are cut from one video.
            Defaults to `None`.
    """

    layout = "class sub-folders of videos, such as DATA/running/one.mp4."
    held_out = {"test": 0.2, "validation": 0.15}
    held_out_by_class = True

    def __init__(
        self,
        data,
        frames: int = 16,
        size: int = 224,
        seed: int = 0,
        fps: float | None = None,
        train_views: int = 1,
        test_clips: int = 2,
        test_crops: int = 3,
        cache=None,
        groups: str | None = None,
        sampling: str | None = None,
    ):
        self.groups = groups
        super().__init__(
            data,
            frames,
            size,
            seed,
            fps,
            train_views,
            test_clips,
            test_crops,
            cache,
            sampling,
        )

    def find_videos(self):
        self._originals = preparing.sources(self.data)
        splits = self._split_folders()
        if splits:
            self._check_splits(splits)
        else:
            splits = {"train": self._classes(self.data)}
            self._name_classes(splits["train"])
        videos = {
            split: self._videos(classes) for split, classes in splits.items()
        }
        return self._grouped(videos) if self.groups else videos

    def get_config(self):
        return super().get_config() | {"groups": self.groups}

    def _split_folders(self) -> dict[str, dict]:
        """Returns the videos of each class in the split folders."""
        splits = {}
        for name in sorted(os.listdir(self.data)):
            split = _SPLITS.get(name.lower())
            classes = split and self._classes(os.path.join(self.data, name))
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
            self._leave_out_loose(
                [
                    name
                    for name in os.listdir(self.data)
                    if lists.is_video(name)
                    and os.path.isfile(os.path.join(self.data, name))
                ]
            )
        if splits and "train" not in splits:
            raise ValueError(
                f"{self.data!r} has folders for {sorted(splits)} and none for "
                "training. Add one named train, with the same class folders."
            )
        return splits

    def _check_splits(self, splits):
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
                f"{self.held_out['validation']:.0%} of the training videos "
                "are for the validation."
            )
        for split in splits.keys() & {"validation", "test"}:
            self.add_problem(
                f"classes of the {split} split have no training video and are "
                "left out",
                set(splits[split]) - set(self._folders),
            )
            self.add_problem(
                f"classes have no video in the {split} split",
                set(self._folders) - set(splits[split]),
            )

    def _name_classes(self, classes):
        self._folders = sorted(classes)
        self.class_names = list(map(readable, self._folders))
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

    def _classes(self, folder) -> dict[str, list[str]]:
        """Returns the videos of each class; ignores empty sub-folders."""
        classes, repeated, without = {}, [], []
        for path in files.find(folder, repeated)[1]:
            name, _, rest = os.path.relpath(path, folder).partition(os.sep)
            if rest:
                classes.setdefault(name, []).append(path)
            else:
                without.append(self.relative(path))
        if classes:  # else the folder itself may be a class
            self._leave_out_loose(without)
        self.add_problem(
            "folders are links to others, and are read once",
            map(self.relative, repeated),
        )
        return classes

    def _leave_out_loose(self, names):
        self.add_problem(
            "videos are in no class folder and are left out", names
        )

    def _videos(self, classes):
        return [
            LabelledVideo(path, label, original=self._originals.get(path))
            for label, name in enumerate(self._folders)
            for path in classes.get(name, ())
        ]

    def _grouped(self, splits):
        """Sets the group of every video by its name."""
        pattern = _compiled(self.groups)
        found, without = {}, []
        for split, videos in splits.items():
            found[split] = []
            for video in videos:
                match = pattern.search(self._name_in_class(video))
                if match is None:
                    without.append(self.relative(video.path))
                else:
                    parts = [part for part in match.groups() if part]
                    group = "/".join(parts) or match.group()
                    video = dataclasses.replace(video, group=group)
                found[split].append(video)
        if len(without) == sum(map(len, splits.values())):
            raise ValueError(
                f"`groups` fits the name of no video. Received: {self.groups}. "
                "Expected a regular expression for a part of a name such as "
                f"{without[0]}."
            )
        self.add_problem(
            "videos do not fit `groups`, and have no group by name", without
        )
        return found

    def _name_in_class(self, video) -> str:
        """CLASS/NAME, without the folder of a split."""
        folder = self._folders[video.label]
        parts = os.path.relpath(video.path, self.data).split(os.sep)
        return "/".join(parts[parts.index(folder) :])


def _compiled(groups: str) -> re.Pattern:
    try:
        return re.compile(groups)
    except (re.error, TypeError) as error:
        raise ValueError(
            f"`groups` is a regular expression, such as _(g\\d+)_. Received: "
            f"{groups!r}: {error}."
        ) from error
