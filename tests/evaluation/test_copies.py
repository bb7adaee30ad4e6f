"""Tasks on the copies of `recipes/prepare.py` ask for what they did before."""

import pathlib
import shutil

import pytest

from layerlock import evaluation
from layerlock.data import preparing
from tests.data import synthesise
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
        synthesise.write(
            path / "run" / f"webm_{number}.webm", count=8, codec="libvpx"
        )
        synthesise.write(path / "jump" / f"mkv_{number}.mkv", count=8)
    return path


def kinetics(path):
    layouts.kinetics(path)
    for place in sorted(path.rglob("*.mp4"))[::2]:
        synthesise.write(place.with_suffix(".mkv"), count=40)
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
