"""Folders of real clips as those of a study."""

import functools
import hashlib
import pathlib
import shlex

import study_layouts as layouts
from grid import PROBE_SEED
from study_questions import Question

# With other starts, the attentive readout of one encoder gets 0.31 to 0.40 of
# the words of lips right.
REPEATS = 3
SPEAKER, DEPTH = "speaker", "depth error"  # columns
STRIDE = 4  # frames of the room from one of a clip to the next


class RealClips:
    """Folders of real clips.

    - `NAME/{train,val,test}/LABEL/*`: a labelled set, split by speaker.
    - `*_unlabelled/*`: clips to pre-train on, none of a test speaker.
      Without such a folder, those of all `train` and `val` folders.
    - `room/frame-*.{color.jpg,depth.png,pose.txt}`: a scan of one room.

    Layouts that tasks need are made of links in `folder`: nothing is copied.
    For `"selection"` there are no links to clips of test speakers: the test
    split of each task is then the `val` folder.

    Args:
        data: path.
        folder: path, where the links go.
        frames: int, of a clip.
        size: int, height and width of a clip.
        main: str, the set whose speakers are asked and whose attentive readout
            is compared. Defaults to `None`: the one that ends in `words`, or
            else the first.
        quick: bool, a few clips of each class. Defaults to `False`.
    """

    name = "real"

    def __init__(self, data, folder, frames, size, main=None, quick=False):
        self.data = pathlib.Path(data).expanduser().resolve()
        self.folder = pathlib.Path(folder).resolve() / "clips"
        self.clip_flags = f"--frames={frames} --size={size}"
        self.quick = quick
        if not self.data.is_dir():
            raise ValueError(
                f"There is no folder {self.data}. Expected folders such as "
                "lips_words/train/LABEL/one.mp4 in it."
            )
        self.sets = sorted(
            path.name
            for path in self.data.iterdir()
            if (path / "train").is_dir()
        )
        if not self.sets:
            raise ValueError(
                f"{self.data} has no labelled set. Expected folders such as "
                "lips_words/train/LABEL/one.mp4 in it. Received: "
                f"{sorted(path.name for path in self.data.iterdir())}."
            )
        words = [name for name in self.sets if name.endswith("words")]
        self.main = main or (words or self.sets)[0]
        if self.main not in self.sets:
            raise ValueError(
                f"`main` is one of {self.sets}. Received: main={self.main!r}."
            )

    @property
    def place(self) -> pathlib.Path:
        """The folder of the clips."""
        return self.data

    @functools.cached_property
    def contents(self) -> str:
        """Which clips these are: a hash of their names, without suffixes.

        It is the same for copies of other sizes, in another folder.
        """
        folders = [
            *(
                self.data / name / part
                for name in self.sets
                for part in layouts.SPLITS
            ),
            *sorted(self.data.glob("*_unlabelled")),
        ]
        names = sorted(
            str(path.relative_to(self.data).with_suffix(""))
            for folder in folders
            for path in layouts.files(folder)
            if path.suffix != ".jsonl"  # what `prepare` has noted
        )
        return hashlib.sha256("\n".join(names).encode()).hexdigest()[:8]

    @property
    def flags(self) -> str:
        """Flags of `recipes/pretrain.py` for these clips."""
        data = shlex.quote(str(self._unlabelled()))
        return f"--data={data} --sampling=whole {self.clip_flags}"

    def questions(self, split: str) -> list[Question]:
        """The columns of the study; see `Scenes.questions`."""
        found = []
        others = [name for name in self.sets if name != self.main]
        for name in (self.main, *others):
            column = self._column(name)
            data = self._labelled(name, split)
            readouts = (
                ("attentive", "knn") if name == self.main else ("attentive",)
            )
            found += [
                self._ask(
                    column if readout == "attentive" else f"{column} k-NN",
                    name,
                    readout,
                    data,
                    split,
                    parted=True,
                    on_curve=name == self.main,
                )
                for readout in readouts
            ]
        speakers = self._speakers(split)
        if speakers:
            about = f"speakers of {self.main}"
            found.append(
                self._ask(SPEAKER, about, "attentive", speakers, split)
            )
        room = self._room(split)
        if room:
            steps = 20 if self.quick else 500
            found.append(
                Question(
                    DEPTH,
                    "scannet",
                    "attentive",
                    data=room,
                    task_args=f"stride={STRIDE},"
                    f"clips_per_scan={4 if self.quick else 16}",
                    readout_args=f"steps={steps},learning_rates=(3e-3,)",
                    clip_flags=self.clip_flags,
                    split=split,
                )
            )
        return found

    def _column(self, name) -> str:
        """The name of a set in the tables, short where it is the only one."""
        names = [SPEAKER, DEPTH, *map(_short, self.sets)]
        return _short(name) if names.count(_short(name)) == 1 else name

    def _ask(
        self, column, about, readout, data, split, parted=False, on_curve=False
    ):
        clips = 1 if self.quick else 2
        task_args = f"seed={PROBE_SEED},sampling='whole',"
        task_args += f"train_views={clips},test_clips={clips},test_crops=1"
        if parted:
            task_args += r",groups='/([^_/]+)_'"
        readout_args = ""
        if readout == "attentive":
            steps = "steps=30," if self.quick else "steps=1000,"
            readout_args = f"{steps}learning_rates=(2e-3,)"
        is_one = self.quick or readout == "knn" or not parted
        return Question(
            column,
            "folder",
            readout,
            data=data,
            about=about,
            task_args=task_args,
            readout_args=readout_args,
            parted=parted,
            clip_flags=self.clip_flags,
            split=split,
            on_curve=on_curve,
            repeats=1 if is_one else REPEATS,
        )

    # Layouts.

    def _unlabelled(self) -> pathlib.Path:
        found = sorted(self.data.glob("*_unlabelled"))
        if len(found) == 1 and not self.quick:
            return found[0]
        files = [
            path for folder in found for path in layouts.files(folder)
        ] or [
            path
            for name in self.sets
            for split in ("train", "val")
            for path in layouts.files(self.data / name / split)
        ]
        files = files[:: max(1, len(files) // 64)] if self.quick else files
        return layouts.place(
            self.folder / "unlabelled",
            {f"{i:06d}_{path.name}": path for i, path in enumerate(files)},
        )

    def _labelled(self, name, split) -> pathlib.Path:
        """A set; for the selection without its test folder."""
        if split == "final" and not self.quick:
            return self.data / name
        links = {}
        for part in _splits(split):
            for path in layouts.files(self.data / name / part):
                links[str(path.relative_to(self.data / name))] = path
        return self._placed(split, name, links)

    def _speakers(self, split) -> pathlib.Path | None:
        """Who speaks, as a task; `None` where names do not say it."""
        found = layouts.by_speaker(self.data / self.main, _splits(split))
        return self._placed(split, "speakers", found) if found else None

    def _room(self, split) -> pathlib.Path | None:
        """The room in ScanNet's layout, if there is one."""
        links, scans = layouts.room(self.data / "room", split)
        if not links:
            return None
        folder = layouts.place(self.folder / split / "room", links)
        for part, names in scans.items():
            text = "".join(f"{name}\n" for name in names)
            (folder / f"{layouts.SCANS}{part}.txt").write_text(text)
        return folder

    def _placed(self, split, name, links) -> pathlib.Path:
        links = layouts.few(links) if self.quick else links
        return layouts.place(self.folder / split / name, links)


def _short(name: str) -> str:
    """`word` of `lips_words`."""
    return name.rpartition("_")[2].removesuffix("s")


def _splits(split: str) -> tuple:
    """The folders that are read: for the selection, none of the test."""
    return layouts.SPLITS if split == "final" else layouts.SPLITS[:2]
