"""Videos named by their number, wherever they are."""

import json
import shutil

import pytest

from layerlock import evaluation
from tests.evaluation import layouts
from tests.evaluation.test_layouts import shown_numbers

pytest.importorskip("av")


def build(path, **arguments):
    given = {"frames": 4, "size": 16, "cache": False} | arguments
    return evaluation.get("ssv2", data=path, **given)


def said(task):
    return " ".join(task.problems)


def test_links_in_circles_end(tmp_path):
    path = layouts.ssv2(tmp_path / "data")
    for name in "abc":
        (path / "videos" / name).mkdir()
    for name in "abc":
        for other in "abc":
            link = path / "videos" / name / f"to_{other}"
            link.symlink_to(path / "videos" / other)
    (path / "videos" / "again").symlink_to(path)

    assert build(path).problems == []


def test_a_number_of_two_files_is_counted_and_a_readable_one_is_read(tmp_path):
    path = layouts.ssv2(tmp_path / "data")
    (path / "a").mkdir()
    (path / "a" / "104.webm").write_bytes(b"broken")

    task = build(path)

    assert said(task) == (
        "1 videos have the name of another, which is read instead: a/104.webm."
    )


def test_a_copy_of_a_test_video_is_left_out_of_the_training(tmp_path):
    path = layouts.ssv2(tmp_path / "data")
    entries = json.loads((path / "validation.json").read_text())
    name = entries[0]["id"]
    shutil.copy(path / "videos" / f"{name}.webm", path / "videos" / "100.webm")

    task = build(path)

    assert "are left out of the train split: videos/100.webm." in said(task)
    assert len(task.examples("test")) == 4


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_labels_in_another_encoding_are_read(tmp_path, encoding):
    path = layouts.ssv2(tmp_path / "data")
    for name in ("labels", "train"):
        text = (path / f"{name}.json").read_text()
        (path / f"{name}.json").write_text(text, encoding=encoding)

    assert build(path).problems == []


def test_a_broken_list_is_named(tmp_path):
    path = layouts.ssv2(tmp_path / "data")
    (path / "train.json").write_text("[{")

    with pytest.raises(ValueError, match="train.json is not JSON.*restore"):
        build(path)


def test_the_published_protocol_reads_the_whole_video_twice(tmp_path):
    path = layouts.ssv2(tmp_path / "data")

    views = build(path, size=48).examples("test")[0][0]

    clips = views.reshape(2, 3, *views.shape[1:])  # of 8 frames
    assert shown_numbers(clips[0, 1]) == [0, 2, 4, 6]
    assert shown_numbers(clips[1, 1]) == [1, 3, 5, 7]


def test_a_rate_is_read_where_it_is_asked_for(tmp_path):
    path = layouts.ssv2(tmp_path / "data")

    task = build(path, size=48, sampling="rate", fps=10, test_crops=1)

    first, last = task.examples("test")[0][0]
    assert shown_numbers(first) == [0, 1, 2, 3]
    assert shown_numbers(last) == [4, 5, 6, 7]
    with pytest.raises(ValueError, match="or pass `sampling=rate`"):
        build(path, fps=10)
