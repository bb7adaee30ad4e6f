"""Videos named by their number, wherever they are."""

import json
import shutil

import pytest

from layerlock import evaluation
from tests.evaluation import layouts

pytest.importorskip("av")


def build(path):
    return evaluation.get("ssv2", data=path, frames=4, size=16, cache=False)


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
