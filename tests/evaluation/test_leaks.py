"""No video is in two splits or two classes, whatever it is called."""

import os
import shutil

import pytest

from layerlock import evaluation
from layerlock.evaluation import leaks, task as tasks
from tests.evaluation import layouts

pytest.importorskip("av")
SPLITS = tasks.SPLITS


def link(old, new):
    new.symlink_to(old)


COPIES = {"link": link, "hard link": os.link, "copy": shutil.copy}


def build(path, name="folder", **arguments):
    return evaluation.get(
        name, data=path, frames=4, size=16, cache=False, **arguments
    )


def names(task, split):
    examples = task.examples(split)
    return {examples.name(index) for index in range(len(examples))}


def groups(task, split):
    examples = task.examples(split)
    return {examples.group(index) for index in range(len(examples))}


def said(task):
    return " ".join(task.problems)


@pytest.mark.parametrize("kind", COPIES)
def test_equal_files_are_found_and_others_told_apart(tmp_path, kind):
    paths = [tmp_path / f"{n}.mp4" for n in range(4)]
    paths[0].write_bytes(b"a" * 10_000)
    paths[1].write_bytes(b"b" * 10_000)  # another sample
    paths[2].write_bytes(b"a" * 9_999 + b"b")  # the same sample
    COPIES[kind](paths[0], paths[3])
    paths = list(map(str, paths))

    found = leaks.first_copies(paths, [None] * 4)

    assert found == dict(zip(paths, [*paths[:3], paths[0]], strict=True))


def test_only_files_of_one_size_and_the_same_facts_are_read(tmp_path):
    paths = [tmp_path / name for name in "abc"]
    for path, size in zip(paths, (10, 10, 11), strict=True):
        path.write_bytes(b"a" * size)

    found = leaks.first_copies(list(map(str, paths)), ["short", "long", "long"])

    assert all(path == first for path, first in found.items())


@pytest.mark.parametrize("kind", COPIES)
def test_a_copy_is_of_the_split_of_its_original(tmp_path, kind):
    path = layouts.folder(tmp_path, ("jump", "run"), 6)
    for old in sorted(path.glob("*/*.mp4")):
        COPIES[kind](old, old.with_name(f"{old.stem}_again.mp4"))

    task = build(path)

    found = {split: names(task, split) for split in SPLITS}
    for some in found.values():
        originals = {name for name in some if "again" not in name}
        assert some - originals == {
            name.replace(".mp4", "_again.mp4") for name in originals
        }
    assert len(set.union(*found.values())) == 24
    assert "12 videos are links to others or copies, and count as one" in (
        said(task)
    )
    assert "jump/jump_0_again.mp4 (is jump/jump_0.mp4)" in said(task)
    assert len(groups(task, "test")) == len(found["test"]) / 2


@pytest.mark.parametrize("kind", COPIES)
def test_a_copy_in_two_splits_is_left_out_of_the_training(tmp_path, kind):
    for split, count in (("train", 4), ("val", 2), ("test", 3)):
        layouts.folder(tmp_path / split, ("jump", "run"), count)
    COPIES[kind](
        tmp_path / "test/run/run_1.mp4", tmp_path / "train/run/new.mp4"
    )
    COPIES[kind](tmp_path / "val/run/run_1.mp4", tmp_path / "train/run/x.mp4")
    COPIES[kind](tmp_path / "test/run/run_0.mp4", tmp_path / "val/run/y.mp4")

    task = build(tmp_path)

    assert [len(task.examples(split)) for split in SPLITS] == [8, 4, 6]
    for split, other, name in (
        ("train", "test", "train/run/new.mp4"),
        ("train", "validation", "train/run/x.mp4"),
        ("validation", "test", "val/run/y.mp4"),
    ):
        assert (
            f"1 videos of the {split} split are of one file, one video or one "
            f"group with some of the {other} split, and are left out of the "
            f"{split} split: {name}." in said(task)
        )


@pytest.mark.parametrize("kind", COPIES)
def test_a_video_of_two_classes_is_left_out_of_the_second(tmp_path, kind):
    path = layouts.folder(tmp_path, ("jump", "run"), 6)
    COPIES[kind](path / "run" / "run_3.mp4", path / "jump" / "also_run.mp4")

    task = build(path)

    found = set.union(*(names(task, split) for split in SPLITS))
    assert len(found) == 12
    second = {
        "link": "jump/also_run.mp4 (is run/run_3.mp4)",
    }.get(kind, "run/run_3.mp4 (is jump/also_run.mp4)")
    assert (
        f"1 videos are in two classes, and are left out of the second: {second}"
        in said(task)
    )


def test_a_class_that_is_a_link_to_another_is_named(tmp_path):
    path = layouts.folder(tmp_path, ("jump", "run"), 6)
    (path / "also_run").symlink_to(path / "run")

    task = build(path)

    assert task.class_names == ["jump", "run"]
    assert "1 folders are links to others, and are read once: also_run." in (
        said(task)
    )


def ucf(path, groups=6):
    """Each group is a video of its class, cut into three clips."""
    for kind in ("Run", "Jump"):
        (path / kind).mkdir(parents=True)
        for group in range(1, groups + 1):
            for clip in range(3):
                name = f"v_{kind}_g{group:02d}_c{clip:02d}.mp4"
                layouts.write(path / kind / name, count=8)
    return path


def test_groups_of_ucf_are_of_one_split_and_count_as_one(tmp_path):
    task = build(ucf(tmp_path), groups=r"v_\w+_g\d+")

    found = [
        {name[: -len("_c00.mp4")] for name in names(task, split)}
        for split in SPLITS
    ]
    assert [len(some) for some in found] == [8, 2, 2]
    assert len(set.union(*found)) == 12
    assert len(groups(task, "test")) == 2 < len(task.examples("test")) == 6
    assert task.problems == []


def test_a_group_may_be_of_several_classes(tmp_path):
    task = build(ucf(tmp_path), groups=r"_(g\d+)_")

    found = [{name[-11:-8] for name in names(task, s)} for s in SPLITS]
    assert [len(some) for some in found] == [4, 1, 1]
    assert len(set.union(*found)) == 6
    assert len(groups(task, "test")) == 1


def test_a_group_in_two_given_splits_is_left_out_of_the_training(tmp_path):
    path = ucf(tmp_path / "all")
    for split, clips in (("train", "*_c0[01].mp4"), ("test", "*_c02.mp4")):
        for video in sorted(path.glob(f"*/{clips}")):
            if split == "train" or "g01" in video.name:
                new = tmp_path / "data" / split / video.parent.name / video.name
                new.parent.mkdir(parents=True, exist_ok=True)
                video.rename(new)

    task = build(tmp_path / "data", groups=r"v_\w+_g\d+")

    assert (
        "4 videos of the train split are of one file, one video or one g"
        in (said(task))
    )
    assert all("_g01_" in name for name in names(task, "test"))
    assert not any("_g01_" in name for name in names(task, "train"))


def test_videos_without_a_group_are_named(tmp_path):
    path = ucf(tmp_path)
    layouts.write(path / "Run" / "stray.mp4", count=8)

    assert (
        "1 videos do not fit `groups`, and have no group by name: Run/stray"
        in (said(build(path, groups=r"g\d+")))
    )


@pytest.mark.parametrize(
    "pattern, message",
    [
        ("(g", r"`groups` is a regular expression.*Received: '\(g'"),
        ("person", "`groups` fits the name of no video. Received: person"),
    ],
)
def test_groups_that_cannot_be_are_refused(tmp_path, pattern, message):
    with pytest.raises(ValueError, match=message):
        build(ucf(tmp_path, 3), groups=pattern)
