"""Labelled videos: which are left out, and which clips of them are seen."""

import dataclasses

import numpy as np
import pytest

from layerlock import evaluation
from layerlock.evaluation import extraction
from tests.data import synthesise
from tests.evaluation import layouts, toys
from tests.evaluation.test_layouts import shown_numbers

pytest.importorskip("av")


def build(path, **arguments):
    given = {"frames": 4, "size": 16, "cache": False} | arguments
    return evaluation.get("folder", data=path, **given)


@pytest.mark.parametrize(
    "argument", ["train_views", "test_clips", "test_crops"]
)
def test_videos_without_a_view_are_refused(tmp_path, argument):
    with pytest.raises(ValueError, match=f"`{argument}` must be a whole"):
        build(tmp_path, **{argument: 0})


def test_views_are_drawn_for_training_and_spread_for_the_test(tmp_path):
    path = layouts.folder(tmp_path / "data", ("jump", "run"), 4)
    task = build(path, train_views=2, test_clips=2, test_crops=3)

    shapes = [
        task.examples(split)[0][0].shape[0]
        for split in ("train", "validation", "test")
    ]

    assert shapes == [2, 1, 6]
    first, second = task.examples("train")[0][0]
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(
        task.examples("train")[0][0],
        build(path, train_views=2).examples("train")[0][0],
    )
    views = task.examples("test")[0][0].reshape(2, 3, *first.shape)
    assert not np.array_equal(views[0, 0], views[1, 0])  # another time
    assert not np.array_equal(views[0, 0], views[0, 2])  # another place


def test_clips_of_the_whole_video_have_a_frame_of_each_segment(tmp_path):
    path = layouts.folder(tmp_path / "data", ("jump", "run"), 4)
    task = build(path, train_views=9, test_crops=1, sampling="whole")
    task.framing = dataclasses.replace(
        task.framing, scale=(1, 1), aspect=(4 / 3, 4 / 3)
    )

    train = task.examples("train")[0][0]
    drawn = {tuple(synthesise.numbers(clip)) for clip in train}

    assert task.get_config()["framing"]["sampling"] == "whole"
    assert len(drawn) > 3
    for numbers in drawn:  # of 8 frames
        assert [number // 2 for number in numbers] == [0, 1, 2, 3]


def test_clips_of_a_test_are_spread_and_that_of_a_validation_is_central(
    tmp_path,
):
    path = layouts.folder(tmp_path / "data", ("jump", "run"), 4)
    task = build(path, size=48, test_crops=1, sampling="whole")

    first, second = task.examples("test")[0][0]  # of 8 frames
    [central] = task.examples("validation")[0][0]

    assert shown_numbers(first) == [0, 2, 4, 6]
    assert shown_numbers(second) == [1, 3, 5, 7]
    assert shown_numbers(central) == [1, 3, 5, 7]


def test_a_folder_is_read_at_a_rate_unless_it_is_said(tmp_path):
    path = layouts.folder(tmp_path / "data", ("jump", "run"), 4)

    assert build(path).framing.sampling == "rate"
    with pytest.raises(ValueError, match="`fps` is the rate of `sampling"):
        build(path, fps=5.0, sampling="whole")


def test_unreadable_videos_are_counted_and_named(tmp_path):
    path = layouts.folder(tmp_path / "data")
    for bad in sorted((path / "run").iterdir())[:2]:
        bad.write_bytes(b"not a video")

    task = build(path)

    total = sum(len(task.examples(s)) for s in ("train", "validation", "test"))
    assert total == 16
    assert "cannot be read and are left out: run/run_" in " ".join(
        task.problems
    )


def test_a_video_that_breaks_later_is_left_out_and_named(tmp_path):
    path = layouts.folder(tmp_path / "data")
    task = build(path)
    broken = task.splits["train"][3][0].path
    open(broken, "wb").close()

    found = extraction.compute(toys.Encoder(), task, 1, tmp_path / "kept")

    assert len(found["train"]) == len(task.examples("train")) - 1
    assert found["train"].batch([3])[1] == task.splits["train"][4][0].label
    [problem] = found["train"].problems
    assert problem.startswith(task.examples("train").name(3))
    again = extraction.compute(toys.Encoder(), task, 1, tmp_path / "kept")
    assert again["train"].problems == [problem]
