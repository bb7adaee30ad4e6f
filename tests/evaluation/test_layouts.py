"""Data sets in their published layouts, broken entries included."""

import json
import shutil

import numpy as np
import pytest

from layerlock import evaluation
from layerlock.data.streams import DecodingError
from tests.data import synthesise
from tests.evaluation import layouts

pytest.importorskip("av")
SMALL = {"frames": 4, "size": 16}


def build(name, path, **arguments):
    extra = {} if name == "scannet" else {"cache": False}
    return evaluation.get(name, data=path, **{**SMALL, **extra, **arguments})


def names(task, split):
    examples = task.examples(split)
    return {examples.name(i) for i in range(len(examples))}


def labels(task, split):
    examples = task.examples(split)
    return [int(examples[i][1]) for i in range(len(examples))]


def said(task):
    return " ".join(task.problems)


# Your own classes.


def test_a_folder_is_split_by_class_and_name(tmp_path):
    task = build("folder", layouts.folder(tmp_path / "data"))

    assert task.class_names == ["jump", "run", "sit"]
    splits = {s: names(task, s) for s in ("train", "validation", "test")}
    assert [len(found) for found in splits.values()] == [12, 3, 3]
    assert len(set.union(*splits.values())) == 18
    assert sorted(labels(task, "test")) == [0, 1, 2]
    assert task.problems == []


def test_a_split_stays_when_videos_are_added(tmp_path):
    path = layouts.folder(tmp_path / "data")
    before = names(build("folder", path), "test")
    layouts.write(path / "run" / "another.mp4", count=8)

    after = names(build("folder", path), "test")

    assert len(before - after) <= 1


def test_a_folder_can_be_split_already(tmp_path):
    for split, count in (("train", 4), ("val", 2), ("test", 3)):
        layouts.folder(tmp_path / split, ("jump", "run"), count)
    shutil.copytree(tmp_path / "test" / "run", tmp_path / "test" / "swim")
    shutil.rmtree(tmp_path / "val" / "jump")

    task = build("folder", tmp_path)

    assert [len(task.examples(s)) for s in ("train", "validation", "test")] == [
        8,
        2,
        6,
    ]
    assert "1 classes of the test split have no training video" in said(task)
    assert "swim" in said(task)
    assert "1 classes have no video in the validation split: jump" in said(task)


def test_without_a_test_folder_the_validation_folder_is_the_test(tmp_path):
    layouts.folder(tmp_path / "train", ("jump", "run"), 6)
    layouts.folder(tmp_path / "val", ("jump", "run"), 2)

    task = build("folder", tmp_path)

    assert "the validation folder is the test" in said(task)
    assert "15% of the training videos are for the validation" in said(task)
    assert all(name.startswith("val/") for name in names(task, "test"))
    assert all(name.startswith("train/") for name in names(task, "validation"))


def test_capitals_do_not_matter_to_a_split(tmp_path):
    layouts.folder(tmp_path / "Train", ("jump", "run"), 4)
    layouts.folder(tmp_path / "TEST", ("jump", "run"), 2)

    task = build("folder", tmp_path)

    assert task.class_names == ["jump", "run"]
    assert {name.split("/")[0] for name in names(task, "test")} == {"TEST"}


def test_folders_beside_those_of_splits_are_named(tmp_path):
    for split in ("train", "vaildation", "test"):
        layouts.folder(tmp_path / split, ("jump", "run"), 3)

    assert "1 folders are no split, and are left out: vaildation." in said(
        build("folder", tmp_path)
    )


@pytest.mark.parametrize("split", ["", "train", "test"])
def test_videos_in_no_class_folder_are_named(tmp_path, split):
    for name in ("train", "test") if split else ("",):
        layouts.folder(tmp_path / name)
    (tmp_path / split / "loose.mp4").touch()

    found = said(build("folder", tmp_path))

    assert "1 videos are in no class folder and are left out: " in found
    assert "loose" in found


def test_videos_beside_split_folders_are_named(tmp_path):
    for name in ("train", "test"):
        layouts.folder(tmp_path / name)
    (tmp_path / "loose.mp4").touch()

    found = said(build("folder", tmp_path))

    assert "1 videos are in no class folder and are left out: loose" in found


def test_too_few_videos_for_three_splits_are_no_unreadable_ones(tmp_path):
    layouts.folder(tmp_path, ("jump", "run"), 2)

    with pytest.raises(ValueError, match="at least three of each class"):
        build("folder", tmp_path)


def test_a_class_may_be_called_train(tmp_path):
    task = build("folder", layouts.folder(tmp_path, ("plane", "train")))

    assert task.class_names == ["plane", "train"]


def test_a_class_without_a_test_video_is_named(tmp_path):
    layouts.folder(tmp_path, ("jump", "run"))
    layouts.folder(tmp_path, ("sit",), 1)

    assert "1 classes have too few videos to test them: sit." in said(
        build("folder", tmp_path)
    )


def test_a_copy_in_another_format_is_of_the_same_split(tmp_path):
    path = layouts.folder(tmp_path)
    splits = ("train", "validation", "test")
    before = build("folder", path)
    for video in path.glob("*/*.mp4"):
        video.rename(video.with_suffix(".mkv"))
    after = build("folder", path)

    for split in splits:
        stems = {name.removesuffix(".mp4") for name in names(before, split)}
        assert stems == {n.removesuffix(".mkv") for n in names(after, split)}


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda path: path.mkdir(), "no video"),
        (lambda path: layouts.folder(path, ("run",), 2), "at least two"),
        (lambda path: layouts.folder(path / "train"), "Add one named test"),
        (lambda path: None, "There is no folder"),
        (
            lambda path: [layouts.folder(path / x) for x in ("val", "Test")],
            "none for training",
        ),
        (
            lambda path: [layouts.folder(path / x) for x in ("val", "valid")],
            "more than one folder of the validation split",
        ),
        (
            lambda path: layouts.folder(path, ("train", "test")),
            "splits and no classes",
        ),
    ],
)
def test_a_folder_without_classes_is_refused(tmp_path, make, message):
    make(tmp_path / "data")

    with pytest.raises(ValueError, match=message):
        build("folder", tmp_path / "data")


# Something-Something v2.


@pytest.mark.parametrize("prefix", ["", "something-something-v2-"])
def test_ssv2_is_read_as_published(tmp_path, prefix):
    task = build("ssv2", layouts.ssv2(tmp_path / "data", prefix))

    assert task.class_names == list(layouts.ACTIONS)
    assert [len(task.examples(s)) for s in ("train", "validation", "test")] == [
        7,
        1,
        4,
    ]
    assert sorted(labels(task, "test")) == [0, 0, 1, 1]
    assert task.problems == []


def test_what_is_missing_of_ssv2_is_counted_and_named(tmp_path):
    path = layouts.ssv2(tmp_path / "data")
    (path / "videos" / "104.mp4").unlink()
    layouts.write(path / "videos" / "999.mp4", count=8)
    entries = json.loads((path / "validation.json").read_text())
    entries[0]["template"] = "Eating [something]"
    (path / "validation.json").write_text(json.dumps(entries))

    task = build("ssv2", path)

    assert "1 labels of the train split have no video: 104." in said(task)
    assert "1 videos have no label and are left out: 999." in said(task)
    assert "no class: Eating something." in said(task)
    assert len(task.examples("test")) == 3


def test_a_missing_list_of_ssv2_is_named(tmp_path):
    path = layouts.ssv2(tmp_path / "data")
    (path / "labels.json").unlink()

    with pytest.raises(ValueError, match="labels.json is missing"):
        build("ssv2", path)


# Kinetics.


def test_kinetics_is_read_as_published(tmp_path):
    task = build("kinetics", layouts.kinetics(tmp_path / "data"))

    assert task.class_names == ["archery", "baking cookies"]
    assert [len(task.examples(s)) for s in ("train", "validation", "test")] == [
        5,
        1,
        4,
    ]
    assert task.problems == []


def test_of_a_whole_video_its_span_is_read(tmp_path):
    task = build(
        "kinetics",
        layouts.kinetics(tmp_path / "data"),
        fps=10,
        size=48,
        test_clips=2,
        test_crops=1,
    )
    examples = task.examples("test")
    spans = [video.span for video, _ in task.splits["test"]]

    whole = spans.index((1.0, 3.0))
    first, last = examples[whole][0]

    # Ten frames a second: frame 10 begins the span, and frame 30 its end.
    assert shown_numbers(first)[0] == 10
    assert shown_numbers(last)[-1] == 29


def shown_numbers(clip):
    """Numbers shown on squares cut from the middle of the frames."""
    return [_number(picture) for picture in clip]


def _number(picture):
    # The square shows the middle 3 of 4 columns; compare with all numbers.
    whole = [synthesise.image(n)[:, 8:56] for n in range(64)]
    errors = [np.abs(picture.astype(int) - other).mean() for other in whole]
    return int(np.argmin(errors))


def test_what_is_missing_of_kinetics_is_counted_and_named(tmp_path):
    path = layouts.kinetics(tmp_path / "data")
    gone = next((path / "train" / "archery").glob("*_000001_000003.mp4"))
    gone.unlink()
    layouts.write(path / "train" / "stray.mp4", count=8)

    task = build("kinetics", path)

    assert "1 labels of the train split have no video" in said(task)
    assert gone.stem.removesuffix("_000001_000003") in said(task)
    assert "1 videos are in no list and are left out: stray." in said(task)


def test_a_span_behind_the_end_of_its_video_is_left_out_and_named(tmp_path):
    path = layouts.kinetics(tmp_path / "data")
    for split, name in (
        ("train", "tr-_00000000"),
        ("validate", "va-_00000000"),
    ):
        text = (path / f"{split}.csv").read_text()
        assert f"{name},1,3" in text
        (path / f"{split}.csv").write_text(
            text.replace(f"{name},1", f"{name},9")
        )

    task = build("kinetics", path)

    assert len(task.examples("test")) == 3
    assert (
        "1 videos of the test split end before their span begins and are left "
        "out: validate/archery/va-_00000000.mp4." in said(task)
    )


def test_a_list_of_kinetics_without_its_columns_is_refused(tmp_path):
    path = layouts.kinetics(tmp_path / "data")
    (path / "train.csv").write_text("video,label\na,b\n")

    with pytest.raises(ValueError, match="no column.*youtube_id"):
        build("kinetics", path)


# ScanNet.


def test_scannet_is_read_as_published(tmp_path):
    path = layouts.scannet(tmp_path / "data")
    (path / "scannetv2_train.txt").write_text(
        "scene0000_00\nscene0000_01\nscene0001_00\n"
    )
    (path / "scannetv2_val.txt").write_text("scene0002_00\n")
    task = build("scannet", path, stride=1, clips_per_scan=3)

    assert len(task.examples("test")) == 3
    views, depth = task.examples("test")[0]
    assert views.shape == (1, 4, 16, 16, 3)
    assert depth.shape == (4, 16, 16)
    # The square at the centre of 32 x 24 pixels: columns 4 to 27.
    np.testing.assert_allclose(depth[1, -1], [3.0] * 8 + [1.6] * 8)
    assert np.isnan(depth[:, 0]).all()  # the sensor said 0
    assert task.problems == []


def test_other_scans_are_another_task(tmp_path):
    scans = [f"scene000{room}_00" for room in range(4)]
    first, second, third, _ = scans
    path = layouts.scannet(tmp_path / "data", scans)
    train, test = path / "scannetv2_train.txt", path / "scannetv2_val.txt"

    def configured(*trained):
        train.write_text("\n".join(trained))
        test.write_text("\n".join({*scans} - {*trained}))
        return build("scannet", path, stride=1).get_config()

    before = configured(first, second)

    assert configured(first, second) == before
    assert configured(second, third) != before
    layouts.write_frame(path / "scans" / first, 0, np.ones((24, 32), "uint16"))
    assert configured(first, second) != before


def test_a_room_of_both_lists_is_left_out_of_the_training(tmp_path):
    path = layouts.scannet(tmp_path / "data", (*layouts.SCANS, "scene0003_00"))
    train, test = path / "scannetv2_train.txt", path / "scannetv2_val.txt"
    train.write_text("\n".join(layouts.SCANS), encoding="utf-16")
    test.write_text("scene0003_00\nscene0000_01\n")

    task = build("scannet", path, stride=1)

    assert (
        "2 scans of the train split show a room of the test split, and are "
        "left out of the train split: scene0000_00, scene0000_01." in said(task)
    )
    rooms = [
        {
            task.examples(split).group(n)
            for n in range(len(task.examples(split)))
        }
        for split in ("train", "validation", "test")
    ]
    assert rooms[2] == {"scene0000", "scene0003"}
    assert not rooms[2] & (rooms[0] | rooms[1])


def test_frames_without_a_pose_have_no_depth(tmp_path):
    path = layouts.scannet(tmp_path / "data")
    task = build("scannet", path, stride=1, clips_per_scan=3)

    depths = [
        task.examples(split)[i][1]
        for split in ("train", "validation", "test")
        for i in range(len(task.examples(split)))
    ]

    blank = [np.isnan(frame).all() for clip in depths for frame in clip]
    assert 0 < sum(blank) < len(blank)


def test_one_list_without_the_other_is_named(tmp_path):
    path = layouts.scannet(tmp_path / "data")
    (path / "scannetv2_train.txt").write_text("scene0000_00\n")
    assert "parted by room instead" in said(build("scannet", path, stride=1))


def test_clips_of_a_room_are_of_one_group(tmp_path):
    path = layouts.scannet(tmp_path / "data")
    task = build("scannet", path, stride=1, clips_per_scan=2)

    for split in ("train", "validation", "test"):
        examples = task.examples(split)
        for index in range(len(examples)):
            assert examples.group(index) in examples.name(index)
            assert len(examples.group(index)) == len("scene0000")


def test_rooms_are_not_parted(tmp_path):
    scans = [
        f"scene{room:04d}_{scan:02d}" for room in range(5) for scan in (0, 1)
    ]
    path = layouts.scannet(tmp_path / "data", scans, n=4)
    task = build("scannet", path, stride=1)

    rooms = [
        {name.split("/")[1][:9] for name in names(task, split)}
        for split in ("train", "validation", "test")
    ]

    assert all(rooms)
    assert sum(map(len, rooms)) == len(set.union(*rooms)) == 5


def test_depth_of_the_wrong_size_or_kind_is_counted_and_named(tmp_path):
    path = layouts.scannet(tmp_path / "data", n=4)
    scan = path / "scans" / "scene0000_00"
    layouts.write_frame(scan, 2, depth=np.ones((24, 24), "uint16"))
    task = build("scannet", path, stride=1)

    failed = []
    for split in ("train", "validation", "test"):
        examples = task.examples(split)
        for index in range(len(examples)):
            try:
                examples[index]
            except DecodingError as error:
                failed.append(str(error))

    [reason] = failed
    assert "2.png: the depth has 24 x 24 pixels" in reason


def test_frames_without_a_partner_and_short_scans_are_named(tmp_path):
    path = layouts.scannet(tmp_path / "data", n=8)
    (path / "scans" / "scene0000_00" / "depth" / "3.png").unlink()
    scans = path / "scans"
    for number in range(2, 8):
        (scans / "scene0001_00" / "color" / f"{number}.jpg").unlink()
        (scans / "scene0001_00" / "depth" / f"{number}.png").unlink()
    layouts.scannet(tmp_path / "data", ["scene0003_00"], n=8)

    task = build("scannet", path, stride=1)

    assert "1 frames of scene0000_00 have colour and no depth" in said(task)
    assert "1 scan is shorter than 4 frames: scene0001_00." in said(task)
