"""Finds videos that are parts or copies of others, and keeps them together."""

import collections
import concurrent.futures
import dataclasses
import hashlib
import os

from layerlock.evaluation.task import name_some

_ORDER = ("test", "validation", "train")  # a group stays in the first
_SAMPLE = 4096  # bytes from the middle of a file
_BLOCK = 1 << 20
_NUM_THREADS = min(16, os.cpu_count() or 1)


def first_copies(paths, facts) -> dict[str, str]:
    """Returns for each file the first one of the same content.

    Links and hard links are known by the number of the file. Files are read
    only if others have the same size and the same facts.

    Args:
        paths: the files.
        facts: for each path a hashable value that equal files share, such as
            its `Facts`.

    Returns:
        A dict from path to path. Files come before links, then the order is
        that of the names.
    """
    firsts, sizes, by_file = {}, {}, {}
    known = dict(zip(paths, facts, strict=True))
    ordered = sorted(known, key=lambda path: (os.path.islink(path), path))
    for path in ordered:
        try:
            stat = os.stat(path)
        except OSError:
            firsts[path] = path
            continue
        # Some disks of networks number no files.
        number = (stat.st_dev, stat.st_ino) if stat.st_ino else path
        firsts[path] = by_file.setdefault(number, path)
        sizes[path] = stat.st_size
    originals = [path for path in sizes if firsts[path] == path]
    equal = _parted([originals], [(sizes[p], known[p]) for p in originals])
    for fingerprint in (_sample, _digest):
        members = [path for group in equal for path in group]
        with concurrent.futures.ThreadPoolExecutor(_NUM_THREADS) as pool:
            equal = _parted(equal, list(pool.map(fingerprint, members)))
    copies = {path: group[0] for group in equal for path in group}
    return {path: copies.get(first, first) for path, first in firsts.items()}


def separate(splits: dict, copies: dict, relative) -> tuple[dict, list]:
    """Keeps every group in one split, and every video in one class.

    A group stays in the test split, else in the validation split. A video of
    two classes stays in that of the first name.

    Args:
        splits: dict from split to a list of `LabelledVideo`.
        copies: from `first_copies`.
        relative: function from a path to its name in messages.

    Returns:
        The splits, where every video has a `group`, and sentences on what
        was left out.
    """
    groups = iter(_grouped(sum(splits.values(), []), copies))
    splits = {
        split: [next(groups) for _ in videos]
        for split, videos in splits.items()
    }
    parted, splits = _parted_groups(splits)
    twice, splits = _in_two_classes(splits, copies)
    problems = name_some(
        "videos are links to others or copies, and count as one with them",
        [
            f"{relative(path)} (is {relative(first)})"
            for path, first in copies.items()
            if path != first
        ],
    )
    problems += name_some(
        "videos are in two classes, and are left out of the second",
        [
            f"{relative(video.path)} (is {relative(first.path)})"
            for video, first in twice
        ],
    )
    for (split, owner), videos in sorted(parted.items()):
        problems += name_some(
            f"videos of the {split} split are of one file, one video or one "
            f"group with some of the {owner} split, and are left out of the "
            f"{split} split",
            [relative(video.path) for video in videos],
        )
    return splits, problems


def _grouped(videos: list, copies: dict[str, str]) -> list:
    """Returns the videos with their `group`, the same for dependent ones.

    Dependent are videos of the same `group`, of the same original or file, and
    of files with the same content.
    """
    parents = {}

    def find(sign):
        while parents.setdefault(sign, sign) != sign:
            parents[sign] = parents[parents[sign]]
            sign = parents[sign]
        return sign

    def signs(video):
        paths = filter(None, (video.path, video.original))
        yield from (("file", copies.get(path, path)) for path in paths)
        if video.group is not None:
            yield "group", video.group

    for video in videos:
        first, *others = signs(video)
        for other in others:
            one, two = sorted((find(first), find(other)))
            parents[two] = one
    return [
        dataclasses.replace(video, group=find(next(signs(video)))[1])
        for video in videos
    ]


def _parted_groups(splits):
    """Returns what is left out, by its split and that of its group."""
    owners, parted = {}, collections.defaultdict(list)
    kept = {split: [] for split in splits}
    for split in sorted(splits, key=_ORDER.index):
        for video in splits[split]:
            owner = owners.setdefault(video.group, split)
            side = kept[split] if owner == split else parted[split, owner]
            side.append(video)
    return parted, kept


def _in_two_classes(splits, copies):
    """Returns pairs of what is left out, and of its equal."""
    firsts, twice = {}, []
    for video in sorted(
        sum(splits.values(), []), key=lambda one: _rank(one, copies)
    ):
        content = (copies.get(video.path, video.path), video.span)
        first = firsts.setdefault(content, video)
        if first.label != video.label:
            twice.append((video, first))
    lost = {id(video) for video, _ in twice}
    kept = {
        split: [video for video in videos if id(video) not in lost]
        for split, videos in splits.items()
    }
    return twice, kept


def _rank(video, copies):
    return copies.get(video.path, video.path) != video.path, video.path


def _parted(groups, keys) -> list[list]:
    """Parts groups by the keys of their members, without those of one."""
    keys, found = iter(keys), collections.defaultdict(list)
    for number, group in enumerate(groups):
        for path in group:
            found[number, next(keys)].append(path)
    return [group for group in found.values() if len(group) > 1]


def _sample(path) -> bytes | str:
    """Some bytes from the middle; a file that fails equals no other."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size // 2 - _SAMPLE))
            return file.read(_SAMPLE)
    except OSError:
        return path


def _digest(path) -> bytes | str:
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    except OSError:
        return path
    return digest.digest()
