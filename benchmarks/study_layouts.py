"""Layouts of real clips that tasks need, as links: nothing is copied."""

import collections
import hashlib
import os
import pathlib
import re
import shutil

SCANS = "scannetv2_"  # lists of the scans of each split
SPLITS = ("train", "val", "test")
# A speaker, a person, a camera: what comes before the first underscore.
GROUP = re.compile(r"([^_/]+)_[^/]*$")
SHARES = (0.6, 0.8)  # of the clips of a speaker: train, train and val
# Of the frames of a room, by their order; views between two parts are left out.
ROOM = {"selection": (0.55, 0.6, 0.7), "final": (0.7, 0.75, 1.0)}
FRAMES_PER_SCAN = 100
MIN_CLIPS = 5  # of a speaker


def files(folder) -> list[pathlib.Path]:
    """All files below a folder that are not hidden."""
    return [
        pathlib.Path(parent) / name
        for parent, _, names in sorted(os.walk(folder, followlinks=True))
        for name in sorted(names)
        if not name.startswith(".")
    ]


def group_of(example: str) -> str:
    """The speaker of an example, by its file name."""
    found = GROUP.search(example)
    return found[1] if found else example


def by_speaker(folder: pathlib.Path, splits) -> dict:
    """Every speaker as a class, whose clips are in all splits.

    Args:
        folder: a labelled set.
        splits: names of those that are read.

    Returns:
        dict from a path in the layout to a file; empty where names have no
        speaker, or a speaker has few clips.
    """
    paths = [path for split in splits for path in files(folder / split)]
    clips = collections.defaultdict(list)
    for path in paths:
        found = GROUP.search(path.name)
        if found is None:
            return {}
        clips[found[1]].append(path)
    if len(clips) < 2 or min(map(len, clips.values())) < MIN_CLIPS:
        return {}
    links = {}
    for speaker, own in clips.items():
        ranked = sorted(own, key=lambda path: _rank(path.name))
        for number, path in enumerate(ranked):
            share = number / len(ranked)
            part = SPLITS[sum(share >= limit for limit in SHARES)]
            links[f"{part}/{speaker}/{path.name}"] = path
    return links


def room(folder: pathlib.Path, split: str) -> tuple[dict, dict]:
    """A room in ScanNet's layout, parted by time.

    Args:
        folder: has `frame-*.color.*`, `.depth.png` and `.pose.txt`.
        split: key of `ROOM`.

    Returns:
        dict from a path in the layout to a file, and the scans of ScanNet's
        lists, `train` and `val`.
    """
    colours = sorted(folder.glob("frame-*.color.*"))
    train, test, end = (round(share * len(colours)) for share in ROOM[split])
    links, scans = {}, {"train": [], "val": []}
    for part, first, last in (("train", 0, train), ("val", test, end)):
        for start in range(first, last, FRAMES_PER_SCAN):
            scan = f"scene{len(scans['train'] + scans['val']):04d}_00"
            scans[part].append(scan)
            for path in colours[start : min(start + FRAMES_PER_SCAN, last)]:
                stem = path.name.split(".")[0]
                number = int(stem.rpartition("-")[2])
                for kind, source in (
                    ("color", path),
                    ("depth", path.with_name(f"{stem}.depth.png")),
                    ("pose", path.with_name(f"{stem}.pose.txt")),
                ):
                    links[f"{scan}/{kind}/{number}{source.suffix}"] = source
    return links, scans


def few(links: dict) -> dict:
    """Eight clips of each class and split, two of each speaker."""
    kept, counts = {}, collections.Counter()
    for inside, path in sorted(links.items(), key=lambda x: _rank(x[0])):
        place = pathlib.PurePath(inside).parent
        own = place, group_of(path.name)
        if counts[place] < 8 and counts[own] < 2:
            counts[place] += 1
            counts[own] += 1
            kept[inside] = path
    return kept


def place(folder: pathlib.Path, links: dict) -> pathlib.Path:
    """A folder of links, made again where they have changed.

    Raises:
        ValueError: if there are files in it that no study has put there.
    """
    text = "".join(f"{inside}\t{links[inside]}\n" for inside in sorted(links))
    digest = hashlib.sha256(text.encode()).hexdigest()
    mark = folder.with_name(f"{folder.name}.links")
    if mark.exists() and mark.read_text() == digest:
        return folder
    own = [
        path
        for path in folder.rglob("*")
        if not path.is_symlink()
        and not path.is_dir()
        and not path.name.startswith((SCANS, "."))
    ]
    if own:
        raise ValueError(
            f"{folder} is for links to the clips of a study, and has "
            f"{len(own)} files that are none, such as {own[0].name}. Move "
            "them, or pass another --run_dir."
        )
    mark.unlink(missing_ok=True)  # until the folder is complete again
    shutil.rmtree(folder, ignore_errors=True)
    for inside, path in links.items():
        target = folder / inside
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(path)
    mark.write_text(digest)
    return folder


def _rank(name: str) -> str:
    """An order of names that says nothing about their contents."""
    return hashlib.sha256(name.encode()).hexdigest()
