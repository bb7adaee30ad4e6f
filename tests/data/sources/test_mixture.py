"""Several sources, each in its share and in its own order."""

import collections
import json

import numpy as np
import pytest

from layerlock import data
from layerlock.data import packing
from layerlock.data.pipeline import ClipStream
from layerlock.data.sources.mixture import MixtureSource
from tests.data import synthesise
from tests.data.sources.test_shards import assert_same_clips

pytest.importorskip("av")
CLIPS = {"frames": 4, "size": 16, "seed": 5, "cache": False}


@pytest.fixture
def places(tmp_path):
    """Two folders of videos, shards, and a folder of pictures."""
    for mark, name in enumerate(("a/1.mp4", "a/2.mp4", "a/3.mp4", "b/x/4.mp4")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        synthesise.write(tmp_path / name, mark=mark, count=30)
    packing.pack(tmp_path / "a", tmp_path / "c", 2)
    (tmp_path / "d").mkdir()
    for number in (7, 8):
        synthesise.write_picture(tmp_path / "d" / f"{number}.png", number)
    return tmp_path


@pytest.fixture
def spec(places):
    return f"a:4={places}/a,b:3={places}/b,c:2={places}/c,d:1={places}/d"


def test_shares_of_an_epoch_are_right_to_1_percent_in_any_order():
    source = MixtureSource("a:0.63=scenes,b:0.27=scenes,c:0.1=scenes", 4, 8)
    stream = ClipStream(source, seed=3)

    parts = collections.Counter(
        source.order.place(stream.index(number))[0] for number in range(30_000)
    )

    assert len(source) == 30_000
    for part, share in enumerate((0.63, 0.27, 0.1)):
        assert parts[part] / 30_000 == pytest.approx(share, rel=0.01)


def test_every_clip_of_a_source_comes_before_any_comes_again(spec):
    source = data.get(spec, **CLIPS)
    assert isinstance(source, MixtureSource)

    names = [source.name(index) for index in range(60)]

    for part, length in (("a", 3), ("b", 1), ("c", 3), ("d", 2)):
        own = [name for name in names if name.startswith(part)]
        rounds = [set(own[n : n + length]) for n in range(0, len(own), length)]
        assert {len(one) for one in rounds[:-1]} == {length}
    assert names.count("b: x/4.mp4") == 18


def test_a_label_is_the_source(spec):
    source = data.get(spec, **CLIPS)

    labels = collections.Counter(source[n][1]["source"] for n in range(10))

    assert source.class_names == {"source": ["a", "b", "c", "d"]}
    assert labels == {0: 4, 1: 3, 2: 2, 3: 1}


def test_sources_of_one_place_have_other_crops(places):
    source = data.get(f"one:1={places}/b,two:1={places}/b", **CLIPS)

    assert (source.clip(0) != source.clip(1)).any()


def test_every_source_is_sampled_as_asked_for(places):
    spec = f"a:1={places}/a,c:1={places}/c"
    uncropped = {"scale": (1, 1), "aspect": (4 / 3, 4 / 3), "flip": 0}
    source = MixtureSource(spec, **CLIPS, **uncropped, sampling="whole")

    for index in range(4):  # of 30 frames, in 4 segments
        numbers = synthesise.numbers(source.clip(index))
        assert numbers[0] < 8 and numbers[-1] >= 22


def test_a_picture_is_repeated_and_is_not_short(places):
    whole = {"scale": (1, 1), "aspect": (4 / 3, 4 / 3), "flip": 0}
    source = data.get(places / "d", **whole, **CLIPS)

    shown = [synthesise.numbers(source.clip(index)) for index in range(2)]

    assert shown == [[7] * 4, [8] * 4]
    assert source.describe_files()["short_clips"] == 0


def test_pictures_beside_videos_are_not_clips(places):
    synthesise.write_picture(places / "a" / "preview.png", 1)

    assert len(data.get(places / "a", **CLIPS)) == 3
    assert len(data.get(f"{places}/a/*", **CLIPS)) == 3


def test_a_fixed_clip_is_the_same_for_any_seed(spec):
    one, other = data.get(spec, **CLIPS), data.get(spec, **CLIPS | {"seed": 6})

    for index in range(8):
        clip, labels = one.fixed(index)
        np.testing.assert_array_equal(clip, other.fixed(index)[0])
        assert labels == other.fixed(index)[1]


def test_a_stored_description_gives_the_same_clips(spec, places):
    (places / "a" / "0.mp4").write_bytes(b"no video")
    spec += ",e:1=scenes"
    source = data.get(spec, **CLIPS)
    stored = json.loads(json.dumps(source.describe_files()))
    synthesise.write(places / "a" / "9.mp4")

    again = data.get("/gone", files=stored, **CLIPS)

    assert_same_clips(again, source, 12)
    assert again.describe_files() == source.describe_files()
    assert len(data.get(spec, **CLIPS)) == len(source) + 1


def test_files_are_counted_for_each_source(spec, places):
    (places / "a" / "0.mp4").write_bytes(b"no video")

    found = data.get(spec, **CLIPS).describe_files()

    assert found["num_files"] == 10 and found["unreadable_files"] == 1
    assert [one["part"] for one in found["unreadable"]] == ["a"]
    counts = collections.Counter(one["part"] for one in found["files"])
    assert counts == {"a": 3, "b": 1, "c": 3, "d": 2}
    assert [(p["name"], p["share"], p["clips"]) for p in found["parts"]] == [
        ("a", 0.4, 4),
        ("b", 0.3, 1),
        ("c", 0.2, 3),
        ("d", 0.1, 2),
    ]


def test_a_part_that_is_nowhere_is_refused(places):
    with pytest.raises(ValueError, match="'/gone'.*neither a name nor a path"):
        data.get(f"a:1={places}/a,b:1=/gone", **CLIPS)


def test_clips_to_validate_are_not_those_of_training():
    spec = "a:0.5=scenes,b:0.5=scenes"
    train = data.get(spec, **CLIPS)
    validation = data.get(spec, split="validation", **CLIPS)

    for index in range(4):
        clip = validation.fixed(index)[0]
        assert not np.array_equal(clip, train.fixed(index)[0])


def test_training_reads_a_mixture_in_its_order(spec):
    from layerlock.data.pipeline import ClipStream

    source = data.get(spec, **CLIPS)
    stream = ClipStream(source, 3)
    assert [stream.index(number) for number in (0, 7, 100)] == [0, 7, 100]

    # A run that began before goes on in the order it has read.
    before = source.describe_files()
    del before["ordered"]
    resumed = ClipStream(data.get(spec, files=before, **CLIPS), 3)
    numbers = range(len(source))
    assert sorted(map(resumed.index, numbers)) == [*numbers]
    assert [*map(resumed.index, numbers)] != [*numbers]
    assert not resumed.source.describe_files()["ordered"]
