"""Clips of shards are those of the loose copies."""

import json
import pickle

import numpy as np
import pytest

from layerlock import data
from layerlock.data import packing, preparing, shards
from layerlock.data.sources.folder import FolderSource
from layerlock.data.sources.shards import ShardsSource
from tests.data import synthesise
from tests.data.test_shards import damage

pytest.importorskip("av")
SETTINGS = {"short_side": 24, "key_frame_seconds": 0.2}
CLIPS = {"frames": 4, "size": 16, "seed": 5}


@pytest.fixture
def videos(tmp_path):
    folder = tmp_path / "videos"
    names = ("cats/one.mp4", "cats/three.mkv", "dogs/one.mp4", "dogs/two.mp4")
    for mark, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        synthesise.write(folder / name, mark=mark, count=20 + mark)
    return folder


@pytest.fixture
def packed(videos, tmp_path):
    packing.pack(videos, tmp_path / "packed", 3, **SETTINGS)
    return tmp_path / "packed"


def assert_same_clips(one, other, count=9):
    assert len(one) == len(other)
    for index in range(count):
        (clip, labels), (expected, its_labels) = one[index], other[index]
        np.testing.assert_array_equal(clip, expected)
        assert labels == its_labels
        assert one.name(index) == other.name(index)


def test_clips_and_labels_are_those_of_loose_copies(videos, tmp_path):
    preparing.prepare(videos, tmp_path / "loose", **SETTINGS)
    packing.pack(tmp_path / "loose", tmp_path / "packed", 3, **SETTINGS)
    loose = FolderSource(tmp_path / "loose", cache=False, **CLIPS)

    source = ShardsSource(tmp_path / "packed", **CLIPS)

    assert_same_clips(source, loose)
    np.testing.assert_array_equal(source.fixed(1)[0], loose.fixed(1)[0])
    assert source.class_names == {"class": ["cats", "dogs"]}


def test_clips_of_the_whole_video_are_those_of_loose_copies(videos, tmp_path):
    preparing.prepare(videos, tmp_path / "loose", **SETTINGS)
    packing.pack(tmp_path / "loose", tmp_path / "packed", 3, **SETTINGS)
    loose, source, other = (
        kind(tmp_path / name, **CLIPS | {"sampling": sampling})
        for kind, name, sampling in (
            (FolderSource, "loose", "whole"),
            (ShardsSource, "packed", "whole"),
            (ShardsSource, "packed", "rate"),
        )
    )

    assert_same_clips(source, loose)
    assert not np.array_equal(source.clip(0), other.clip(0))


@pytest.mark.parametrize("ending", synthesise.PICTURES)
@pytest.mark.parametrize("sampling", ["rate", "whole"])
def test_clips_of_pictures_are_those_of_the_loose_files(
    tmp_path, ending, sampling
):
    for mark, name in enumerate(("cats/one", "cats/two", "dogs/one")):
        path = tmp_path / "loose" / f"{name}{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        synthesise.write_picture(path, 7, mark)
    packing.pack(tmp_path / "loose", tmp_path / "packed", 2, **SETTINGS)
    clips = CLIPS | {"sampling": sampling}
    loose = FolderSource(tmp_path / "loose", cache=False, **clips)

    source = data.get(tmp_path / "packed", **clips)

    assert isinstance(source, ShardsSource)
    assert_same_clips(source, loose)
    np.testing.assert_array_equal(source.fixed(2)[0], loose.fixed(2)[0])
    assert source.class_names == {"class": ["cats", "dogs"]}
    assert source.describe_files()["short_clips"] == 0


def test_labels_of_a_list_are_labels(videos, tmp_path):
    listing = tmp_path / "list.txt"
    listing.write_text("videos/dogs/one.mp4 12\nvideos/cats/one.mp4 3\n")
    packing.pack(listing, tmp_path / "packed", 2, **SETTINGS)

    source = ShardsSource(tmp_path / "packed", **CLIPS)

    assert source.class_names == {"class": ["3", "12"]}
    assert source.name(0) == "videos/cats/one.mp4"
    assert [source[n][1]["class"] for n in (0, 1)] == [0, 1]


def test_a_stored_description_gives_the_same_clips(packed):
    source = ShardsSource(packed, **CLIPS)
    stored = json.loads(json.dumps(source.describe_files()))

    again = data.get("/gone", files=stored, **CLIPS)

    assert isinstance(again, ShardsSource)
    assert_same_clips(again, source, 4)
    assert stored["num_files"] == 4 and stored["unreadable_files"] == 0
    assert again.describe_files() == source.describe_files()


def test_a_place_with_shards_is_recognised(packed):
    for place in (packed, f"{packed}/*.array_record"):
        assert isinstance(data.get(place, **CLIPS), ShardsSource)
    (one, *_) = packed.iterdir()
    assert len(data.get(one)) < 4


def test_a_damaged_record_is_replaced_and_logged(packed, tmp_path):
    intact = ShardsSource(packed, **CLIPS)
    shard = packed / shards.names(3)[1]
    damage(shard, b"LayerLock video\n")
    failures = tmp_path / "failures.jsonl"

    source = ShardsSource(packed, failures=failures, **CLIPS)
    clips = [source[n] for n in range(8)]

    lines = [json.loads(line) for line in failures.read_text().splitlines()]
    failed = {line["index"] for line in lines}
    assert {line["path"] for line in lines} == {
        str(packed / "cats" / "three.mp4")
    }
    assert failed == {1, 5}
    for n in set(range(8)) - failed:
        np.testing.assert_array_equal(clips[n][0], intact.clip(n))
    again = pickle.loads(pickle.dumps(source))
    np.testing.assert_array_equal(again.clip(1), clips[1][0])
    assert source.describe_files()["failed_reads"] == 2


def test_a_damaged_and_a_missing_shard_are_listed_and_replaced(packed):
    first, second, _ = (packed / name for name in shards.names(3))
    first.write_bytes(first.read_bytes()[:3000])
    second.unlink()

    source = ShardsSource(packed, **CLIPS)

    listed = source.describe_files()["unreadable"]
    reasons = {file["path"]: file["reason"] for file in listed}
    assert reasons[str(second)] == "a missing shard"
    assert "a damaged shard" in reasons[str(first)]
    assert source.class_names == {"class": ["dogs"]}
    assert {source[n][1]["class"] for n in range(len(source))} == {0}


def test_a_record_that_holds_another_video_now_is_not_taken_for_it(
    packed, videos, tmp_path
):
    source = ShardsSource(packed, failures=tmp_path / "failures", **CLIPS)
    first, second, _ = (packed / name for name in shards.names(3))
    first.write_bytes(second.read_bytes())

    source.clip(0)

    reason = json.loads((tmp_path / "failures").read_text().split("\n")[0])
    assert reason["reason"].endswith("is now cats/three.mp4")


def test_a_place_without_readable_shards_is_refused(tmp_path):
    (tmp_path / "x.array_record").write_bytes(b"no shard" * 100)

    with pytest.raises(ValueError, match="no readable video.*\n.*x.array"):
        ShardsSource(tmp_path)
    with pytest.raises(ValueError, match="gone.*array_record"):
        ShardsSource(tmp_path / "gone.array_record")
