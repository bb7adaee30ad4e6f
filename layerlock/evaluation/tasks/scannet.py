"""ScanNet in the form of its reader: colour frames and 16-bit depth."""

import os
import pathlib

import numpy as np

from layerlock.data import text_files
from layerlock.data.names import readable
from layerlock.data.source import check_geometry
from layerlock.data.streams import DecodingError, require_av
from layerlock.evaluation.file_digests import of_files
from layerlock.evaluation.splits import carve
from layerlock.evaluation.task import Examples, Task, check_split, name_some

_MILLIMETRES = 1000.0
_MAX_DEPTH = 10.0  # metres; noise of the sensor above
_ASPECT_TOLERANCE = 0.02
_VALIDATION = 0.1  # of the training scans
_TEST = 0.2  # of all scans, without lists


class ScanNet(Task):
    """Depth of indoor scans, in metres.

    A clip is every `stride`-th frame, `frames` frames in all; the clips of a
    scan are evenly spread. Frames and depth are cropped to the largest square
    at the centre. Depth is unknown at 0 or above 10 metres, or if the pose of
    the camera is not finite.

    The official lists `scannetv2_train.txt` and `scannetv2_val.txt` define the
    splits; the second is the test split. Without them a fifth of the rooms is
    the test split. Scans of one room stay in one split.

    Reference: [Dai et al., 2017](https://arxiv.org/abs/1702.04405).

    Args:
        data: path, the folder with the scans, `sceneXXXX_YY/color/0.jpg`,
            `depth/0.png` and `pose/0.txt`, or with a folder `scans` of them.
        frames: int, of a clip. Defaults to `16`.
        size: int, height and width of a clip. Defaults to `224`.
        seed: int, ignored: nothing is random.
        stride: int, frames of the scan per frame of the clip. Defaults to `4`.
        clips_per_scan: int. Defaults to `4`.
    """

    def __init__(
        self,
        data,
        frames: int = 16,
        size: int = 224,
        seed: int = 0,
        stride: int = 4,
        clips_per_scan: int = 4,
    ):
        check_geometry(frames, size)
        self.data = os.path.abspath(os.path.expanduser(os.fspath(data)))
        self.frames = frames
        self.size = size
        self.seed = seed
        self.stride = stride
        self.clips_per_scan = clips_per_scan
        self.problems = []
        self.splits = {
            split: [clip for scan in scans for clip in self._clips(scan)]
            for split, scans in self._split(self._scans()).items()
        }
        for split, clips in self.splits.items():
            if not clips:
                raise ValueError(
                    f"The {split} split has no scan with {frames} frames in "
                    f"{self.data!r}. Expected folders such as "
                    "scene0000_00/color/0.jpg and scene0000_00/depth/0.png."
                    + "".join(f" {problem}" for problem in self.problems)
                )

        # Once: there may be hundreds of thousands, on a network disk.
        self._files = {
            split: of_files(
                path for clip in clips for frame in clip for path in frame
            )
            for split, clips in self.splits.items()
        }

    def examples(self, split):
        check_split(split)
        return ScanNetExamples(self, split)

    def get_config(self):
        return {
            "data": self.data,
            "frames": self.frames,
            "size": self.size,
            "stride": self.stride,
            "clips_per_scan": self.clips_per_scan,
            "clips": {s: len(clips) for s, clips in self.splits.items()},
            "files": self._files,
        }

    def _scans(self) -> dict[str, dict[int, tuple]]:
        """Returns colour and depth of the frames of each scan, by number."""
        root = pathlib.Path(self.data)
        root = root / "scans" if (root / "scans").is_dir() else root
        frames_by_scan = {}
        for scan in sorted(root.glob("scene*_*")):
            colour, depth = (
                {
                    int(path.stem): path
                    for path in (scan / kind).glob("*")
                    if path.stem.isdecimal()
                }
                for kind in ("color", "depth")
            )
            self.problems += name_some(
                f"frames of {scan.name} have colour and no depth, or depth "
                "and no colour, and are left out",
                colour.keys() ^ depth.keys(),
            )
            both = sorted(colour.keys() & depth.keys())
            if both:
                frames_by_scan[scan.name] = {
                    number: (colour[number], depth[number]) for number in both
                }
        return frames_by_scan

    def _split(self, scans) -> dict[str, list]:
        lists = {
            split: self._list(f"scannetv2_{name}.txt")
            for split, name in (("train", "train"), ("test", "val"))
        }
        if all(lists.values()):
            splits = {
                split: [name for name in scans if name in names]
                for split, names in lists.items()
            }
            self._keep_rooms_apart(splits)
            listed = lists["train"] | lists["test"]
            self.problems += name_some(
                "listed scans are not there", listed - set(scans)
            )
            self.problems += name_some(
                "scans are in no list", set(scans) - listed
            )
        else:
            if any(lists.values()):
                self.problems.append(
                    "Of scannetv2_train.txt and scannetv2_val.txt one is "
                    "missing or empty: scans are parted by room instead."
                )
            splits = {}
            splits["train"], splits["test"] = _carve(list(scans), _TEST)
        splits["train"], splits["validation"] = _carve(
            splits["train"], _VALIDATION
        )
        return {
            split: [(name, scans[name]) for name in splits[split]]
            for split in ("train", "validation", "test")
        }

    def _keep_rooms_apart(self, splits):
        """Leaves scans out of the training whose room is in the test."""
        rooms = set(map(_room, splits["test"]))
        parted = [name for name in splits["train"] if _room(name) in rooms]
        splits["train"] = [n for n in splits["train"] if n not in parted]
        self.problems += name_some(
            "scans of the train split show a room of the test split, and are "
            "left out of the train split",
            parted,
        )

    def _list(self, name) -> set[str]:
        for folder in (self.data, os.path.dirname(self.data)):
            path = pathlib.Path(folder) / name
            if path.is_file():
                return set(text_files.read(path).split())
        return set()

    def _clips(self, scan) -> list[list]:
        """Returns the frames of the clips, spread evenly over a scan."""
        name, frames = scan
        numbers = sorted(frames)
        span = (self.frames - 1) * self.stride + 1
        if len(numbers) < span:
            self.problems += name_some(
                f"scan is shorter than {span} frames", [name]
            )
            return []
        starts = np.unique(
            np.linspace(0, len(numbers) - span, self.clips_per_scan).round()
        ).astype(int)
        return [
            [frames[n] for n in numbers[start : start + span : self.stride]]
            for start in starts
        ]


class ScanNetExamples(Examples):
    """Clips of the scans of one split.

    Args:
        task: the `ScanNet`.
        split: str.
    """

    def __init__(self, task: ScanNet, split: str):
        self.task = task
        self.clips = task.splits[split]

    def __len__(self):
        return len(self.clips)

    def __getitem__(self, index):
        clip, depth = [], []
        for colour_path, depth_path in self.clips[index]:
            colour = _read(colour_path, "rgb24")
            raw = _read(depth_path, "gray16le")
            _check_sizes(colour, raw, depth_path)
            clip.append(_square(colour, self.task.size, smooth=True))
            metres = _square(raw, self.task.size) / _MILLIMETRES
            known = (metres > 0) & (metres <= _MAX_DEPTH)
            if not _has_pose(depth_path):
                known = np.zeros_like(known)
            depth.append(np.where(known, metres, np.nan))
        return np.stack(clip)[None], np.stack(depth).astype("float32")

    def name(self, index):
        path = self.clips[index][0][0]
        return readable(os.path.relpath(path, self.task.data))

    def group(self, index):
        colour_path, _ = self.clips[index][0]
        return _room(colour_path.parents[1].name)


def _read(path, kind: str) -> np.ndarray:
    av = require_av()
    try:
        with av.open(str(path)) as container:
            frame = next(container.decode(video=0))
            if kind == "gray16le" and frame.format.name != "gray16be":
                raise DecodingError(
                    f"{path}: depth must be a 16-bit PNG. Received: "
                    f"{frame.format.name}."
                )
            return frame.to_ndarray(format=kind)
    except (av.FFmpegError, OSError, StopIteration) as error:
        raise DecodingError(f"{path}: {error}") from error


def _check_sizes(colour, depth, path):
    wide, deep = (a.shape[1] / a.shape[0] for a in (colour, depth))
    if abs(wide / deep - 1) > _ASPECT_TOLERANCE:
        raise DecodingError(
            f"{path}: the depth has {depth.shape[1]} x {depth.shape[0]} pixels "
            f"where the colour has {colour.shape[1]} x {colour.shape[0]}."
        )


def _has_pose(depth_path) -> bool:
    """Whether the pose of the camera is finite or missing."""
    path = depth_path.parents[1] / "pose" / f"{depth_path.stem}.txt"
    if not path.is_file():
        return True
    try:
        return bool(np.isfinite(np.loadtxt(path)).all())
    except ValueError:
        return False


def _square(image, size: int, smooth: bool = False):
    """Crops the largest square at the centre and resizes it."""
    side = min(image.shape[:2])
    top, left = ((n - side) // 2 for n in image.shape[:2])
    square = image[top : top + side, left : left + side]
    if not smooth:  # depth: a mean over an edge has no meaning
        index = ((np.arange(size) + 0.5) * side / size).astype(int)
        return square[np.ix_(index, index)]
    av = require_av()
    frame = av.VideoFrame.from_ndarray(
        np.ascontiguousarray(square), format="rgb24"
    )
    kind = "AREA" if size <= side else "BICUBIC"
    return frame.reformat(size, size, interpolation=kind).to_ndarray(
        format="rgb24"
    )


def _carve(names, part):
    """Splits off some scans by their room."""
    kept, held_out = carve(sorted(set(map(_room, names))), part, key=str)
    return (
        [name for name in names if _room(name) in kept],
        [name for name in names if _room(name) in held_out],
    )


def _room(scan: str) -> str:
    """`scene0000` of `scene0000_01`."""
    return scan.rpartition("_")[0]
