"""Tasks on the copies of `recipes/prepare.py` ask for what they did before."""

import pathlib
import shutil

import pytest

from layerlock import evaluation
from layerlock.data import preparing
from tests.evaluation import layouts

pytest.importorskip("av")


def copy(videos, folder):
    """Copies videos, and by hand what is no video."""
    found = preparing.prepare(videos, folder, short_side=24)
    assert not found["failed"]
    for path in pathlib.Path(videos).iterdir():
        if path.suffix in (".json", ".csv"):
            shutil.copy(path, folder)
    return folder


def build(name, path):
    return evaluation.get(name, data=path, frames=4, size=16, cache=False)


def labels(task):
    """For each split the class of every video, by its name."""
    return {
        split: {
            pathlib.Path(video.path).stem: task.class_names[video.label]
            for video, _ in videos
        }
        for split, videos in task.splits.items()
    }


def folder(path):
    layouts.folder(path, ("jump", "run"), 4)
    for number in range(4):
        layouts.write(
            path / "run" / f"webm_{number}.webm", count=8, codec="libvpx"
        )
        layouts.write(path / "jump" / f"mkv_{number}.mkv", count=8)
    return path


def kinetics(path):
    layouts.kinetics(path)
    for place in sorted(path.rglob("*.mp4"))[::2]:
        layouts.write(place.with_suffix(".mkv"), count=40)
        place.unlink()
    return path


@pytest.mark.parametrize(
    ("name", "make"),
    [("ssv2", layouts.ssv2), ("kinetics", kinetics), ("folder", folder)],
)
def test_the_copies_have_the_labels_and_splits_of_the_originals(
    tmp_path, name, make
):
    originals = build(name, make(tmp_path / "data"))

    copies = build(name, copy(tmp_path / "data", tmp_path / "small"))

    assert copies.class_names == originals.class_names
    assert labels(copies) == labels(originals)
    assert copies.problems == originals.problems == []
    views, _ = copies.examples("test")[0]
    assert views.shape[1:] == (4, 16, 16, 3)


def test_cuts_of_one_video_are_neither_parted_nor_counted_as_several(tmp_path):
    layouts.folder(tmp_path / "data", ("jump", "run"), 5)
    originals = build("folder", tmp_path / "data")
    trims = [
        (f"{name}/{name}_{number}.mp4", second / 10, second / 10 + 0.2)
        for name in ("jump", "run")
        for number in range(5)
        for second in range(4)
    ]
    found = preparing.prepare(
        tmp_path / "data", tmp_path / "cuts", trims, short_side=24
    )
    assert found["written"] == 40 and not found["failed"]

    cuts = build("folder", tmp_path / "cuts")

    for split, videos in originals.splits.items():
        cut_from = [video.original for video, _ in cuts.splits[split]]
        paths = {video.path for video, _ in videos}
        assert set(cut_from) == paths and len(cut_from) == 4 * len(paths)
    test = cuts.examples("test")
    groups = [test.group(index) for index in range(len(test))]
    assert len(set(groups)) == len(originals.splits["test"]) == 2
