import json
import multiprocessing
import os

import numpy as np
import pytest

from layerlock.data import files
from layerlock.data.sources.folder import FolderSource
from layerlock.data.streams import DecodingError
from tests.data import synthesise

pytest.importorskip("av")

PLAIN = {"scale": (1.0, 1.0), "aspect": (4 / 3, 4 / 3), "flip": 0.0}


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "videos"
    place.mkdir()
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        synthesise.write(place / name, count=30)
    return place


@pytest.fixture
def build(folder, tmp_path):
    def build(path=folder, **arguments):
        defaults = {"frames": 4, "size": 24, "cache": tmp_path / "cache"}
        return FolderSource(path, **defaults | arguments)

    return build


def test_frames_follow_each_other_at_the_rate_asked_for(build):
    source = build(fps=5, **PLAIN)

    for index in range(6):
        numbers = synthesise.numbers(source.clip(index))

        assert np.diff(numbers).tolist() == [2, 2, 2]


def test_the_rate_is_8_or_the_slower_one_of_the_video(build, folder):
    synthesise.write(folder / "a.mp4", count=30, fps=4)
    synthesise.write(folder / "b.mp4", count=60, fps=16)
    source = build(**PLAIN)

    slow, fast = (synthesise.numbers(source.clip(n)) for n in range(2))

    assert np.diff(slow).tolist() == [1, 1, 1]
    assert np.diff(fast).tolist() == [2, 2, 2]


def test_clips_begin_anywhere_in_a_video(build):
    source = build(fps=10, **PLAIN)

    starts = {
        synthesise.number(source.clip(index)[0]) for index in range(0, 180, 3)
    }

    assert min(starts) <= 2
    assert max(starts) >= 24
    assert len(starts) > 15


def test_a_short_video_holds_its_last_frame_and_is_counted(build, folder):
    synthesise.write(folder / "b.mp4", count=3)
    source = build(frames=6, fps=10, **PLAIN)

    assert synthesise.numbers(source.clip(1)) == [0, 1, 2, 2, 2, 2]
    assert source.describe_files()["short_clips"] == 1


def test_clips_of_the_whole_video_have_a_frame_of_each_third(build):
    source = build(frames=3, sampling="whole", **PLAIN)

    clips = [tuple(synthesise.numbers(source.clip(n))) for n in range(12)]

    for clip in clips:
        assert [number // 10 for number in clip] == [0, 1, 2]
    assert len(set(clips)) > 6
    again = build(frames=3, sampling="whole", **PLAIN)
    np.testing.assert_array_equal(again.clip(7), source.clip(7))


def test_a_fixed_clip_of_the_whole_video_has_the_centres(build, folder):
    synthesise.write(folder / "a.mp4", count=32, width=48)  # is not cropped
    source = build(frames=4, sampling="whole")

    clip, _ = source.fixed(0)

    assert synthesise.numbers(clip) == [4, 12, 20, 28]


def test_a_short_video_holds_each_of_its_frames_and_is_counted(build, folder):
    synthesise.write(folder / "b.mp4", count=3)
    source = build(frames=6, sampling="whole", **PLAIN)

    assert synthesise.numbers(source.clip(1)) == [0, 0, 1, 1, 2, 2]
    assert source.describe_files()["short_clips"] == 1


def test_crops_differ_and_stay_in_their_range(build, folder):
    synthesise.write(folder / "a.mp4", height=96, width=128)
    source = build(scale=(0.3, 0.5), aspect=(0.75, 4 / 3))
    facts = source.files.results[0]

    boxes = np.array([source.view(facts, n).box for n in range(300)])
    top, left, height, width = boxes.T

    assert (boxes >= 0).all()
    assert (top + height <= 1 + 1e-9).all()
    assert (left + width <= 1 + 1e-9).all()
    area, aspect = height * width, width * 128 / (height * 96)
    assert 0.3 <= area.min() < 0.32 and 0.48 < area.max() <= 0.5
    assert 0.75 <= aspect.min() < 0.77 and 1.3 < aspect.max() <= 4 / 3 + 1e-9


def test_crops_of_a_wide_video_keep_their_aspect(build, folder):
    synthesise.write(folder / "a.mp4", height=32, width=256)
    source = build(scale=(0.9, 1.0), aspect=(1.0, 1.0))

    _, _, height, width = source.view(source.files.results[0], 0).box

    assert height == pytest.approx(1)
    assert width * 256 == pytest.approx(32)


def test_the_whole_clip_is_mirrored_or_not(build):
    plain = build(**PLAIN)
    always = build(**PLAIN | {"flip": 1.0})
    half = build(**PLAIN | {"flip": 0.5})

    flips = 0
    for index in range(24):
        clip = half.clip(index)
        flipped = (clip == always.clip(index)).all()
        assert flipped or (clip == plain.clip(index)).all()
        flips += flipped

    np.testing.assert_array_equal(plain.clip(0), always.clip(0)[:, :, ::-1])
    assert 4 < flips < 20


def test_a_fixed_clip_is_the_middle_whatever_the_seed(build):
    one, other = build(seed=0, fps=10), build(seed=1, fps=10)

    clip, labels = one.fixed(2)

    np.testing.assert_array_equal(clip, other.fixed(2)[0])
    assert labels == {}
    # 4 frames in the middle of 30; the square has the inner two columns.
    whole = build(fps=10, frames=30, **PLAIN).clip(2)
    assert synthesise.numbers(whole)[13:17] == [13, 14, 15, 16]
    assert clip.shape == (4, 24, 24, 3)


def test_sub_folders_are_labels(build, tmp_path):
    for name in ("run/a.mp4", "jump/b.mp4"):
        path = tmp_path / "classes" / name
        path.parent.mkdir(parents=True)
        synthesise.write(path)
    source = build(tmp_path / "classes")

    labels = [source[index][1] for index in range(4)]

    assert source.class_names == {"class": ["jump", "run"]}
    assert labels == [{"class": 0}, {"class": 1}] * 2
    assert source.name(0) == "jump/b.mp4"


@pytest.mark.parametrize("name", ["train.txt", "train.csv"])
def test_labels_of_a_list_are_labels(build, folder, name):
    (folder / "b, c.mp4").write_bytes((folder / "b.mp4").read_bytes())
    (folder / name).write_text("a.mp4 10\nb, c.mp4 2\ngone.mp4 10\n")
    source = build(folder / name)

    assert source.class_names == {"class": ["2", "10"]}
    assert [source[n][1] for n in range(2)] == [{"class": 1}, {"class": 0}]
    assert source.describe_files()["unreadable_files"] == 1
    again = build("ignored", files=source.describe_files())
    assert again.class_names == source.class_names
    assert [again[n][1] for n in range(3)] == [source[n][1] for n in range(3)]


def test_a_name_that_is_not_utf_8_is_kept_in_files_and_shown_with_escapes(
    build, folder
):
    name = os.fsdecode(b"\xe9.mp4")
    try:
        (folder / "a.mp4").rename(folder / name)
    except OSError:
        pytest.skip("this disk takes names in UTF-8 only")
    source = build()

    kept = json.loads(json.dumps(source.describe_files()))
    again = build("ignored", files=kept)

    assert source.name(2) == again.name(2) == r"\xe9.mp4"
    assert str(folder / name) in [file["path"] for file in kept["files"]]
    np.testing.assert_array_equal(source.clip(2), again.clip(2))


def test_a_bad_file_changes_no_other_clip(build, folder):
    before = [build().clip(index) for index in range(6)]
    (folder / "b.mp4").write_bytes(b"text")

    source = build()

    assert len(source) == 3
    assert source.describe_files()["unreadable_files"] == 1
    assert source.describe_files()["replaced_clips"] == 1
    assert source.name(1) in ("a.mp4", "c.mp4")
    for index in (0, 2, 3, 5):
        np.testing.assert_array_equal(source.clip(index), before[index])


def test_a_file_that_vanishes_is_survived_the_same_way_each_time(
    build, folder, tmp_path
):
    source = build(failures=tmp_path / "failures.jsonl")
    (folder / "b.mp4").unlink()

    clips = [source.clip(index) for index in (1, 4, 7)]
    again = [source.clip(index) for index in (1, 4, 7)]

    np.testing.assert_array_equal(clips, again)
    assert source.describe_files()["failed_reads"] == 3  # of 6 attempts


def test_failed_reads_are_noted_with_a_reason(build, folder, tmp_path):
    failures = tmp_path / "failures.jsonl"
    source = build(failures=failures)
    (folder / "b.mp4").unlink()

    source.clip(4)

    first = json.loads(failures.read_text().splitlines()[0])
    assert first == {
        "index": 4,
        "path": str(folder / "b.mp4"),
        "reason": "No such file or directory",
    }


def test_failed_reads_of_other_processes_are_counted(build, folder, tmp_path):
    source = build(failures=tmp_path / "failures.jsonl")
    (folder / "b.mp4").write_bytes(b"text")

    process = multiprocessing.get_context("spawn").Process(
        target=source.clip, args=(1,)
    )
    process.start()
    process.join()

    assert process.exitcode == 0
    assert source.describe_files()["failed_reads"] >= 1


def test_a_disk_that_is_gone_ends_with_an_error(build, folder):
    source = build()
    for path in folder.iterdir():
        path.unlink()

    with pytest.raises(DecodingError, match="10 videos in a row"):
        source.clip(0)


@pytest.mark.parametrize("plain", [True, False])
def test_a_given_list_is_used_whatever_the_folder_holds(build, folder, plain):
    source = build()
    known = source.files.to_json() if plain else source.files
    synthesise.write(folder / "0.mp4")

    again = build(files=known)

    assert again.files == source.files
    assert again.name(0) == "a.mp4"
    np.testing.assert_array_equal(again.clip(0), source.clip(0))


def test_a_list_file_gives_the_same_clips_as_its_folder(
    build, folder, tmp_path
):
    listing = tmp_path / "list.txt"
    listing.write_text("videos/a.mp4\nvideos/b.mp4\nvideos/c.mp4\n")

    np.testing.assert_array_equal(build(listing).clip(1), build(folder).clip(1))


def test_one_video_is_enough(build, folder):
    source = build(folder / "a.mp4")

    assert len(source) == 1
    assert (source.clip(0) != source.clip(1)).any()


@pytest.mark.parametrize(
    "arguments",
    [
        {"fps": 0},
        {"fps": -1},
        {"scale": (0.0, 1.0)},
        {"scale": (0.6, 0.5)},
        {"scale": (0.5, 1.1)},
        {"aspect": (0, 1)},
        {"aspect": (2, 1)},
        {"flip": 1.5},
        {"frames": 0},
        {"size": 2.5},
    ],
)
def test_arguments_that_make_no_sense_are_refused(build, arguments):
    (name,) = arguments

    with pytest.raises(ValueError, match=f"`{name}` must be"):
        build(**arguments)


def test_a_file_list_is_found_in_the_cache(build, folder, monkeypatch):
    build()
    monkeypatch.setattr(
        files.scan.decoding, "probe", lambda path: pytest.fail(path)
    )

    assert len(build()) == 3


@pytest.mark.parametrize(
    "damage",
    [
        lambda listing: listing.update(files=7),
        lambda listing: listing["files"].pop(0),
        lambda listing: listing["files"][0].pop("fps"),
        lambda listing: listing["files"][0].update(duration="1"),
        lambda listing: listing["files"][0].update(duration=float("nan")),
        lambda listing: listing["files"][0].update(width=-1),
        lambda listing: listing["files"][0].update(rotation=45),
    ],
)
def test_a_damaged_list_of_files_is_refused(build, damage):
    listing = build().describe_files()
    damage(listing)

    with pytest.raises(ValueError, match="list of files of a run is damaged"):
        build(files=listing)
