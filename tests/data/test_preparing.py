"""Copies that are read faster, of videos that stay as they are."""

import errno
import ntpath
import pathlib
import types

import numpy as np
import pytest

from layerlock.data import decoding, preparing, streams
from tests.data import synthesise

pytest.importorskip("av")
SETTINGS = {"short_side": 24, "key_frame_seconds": 0.2}


@pytest.fixture
def videos(tmp_path):
    folder = tmp_path / "videos"
    (folder / "cats").mkdir(parents=True)
    synthesise.write(folder / "cats" / "one.mp4", key_frames=20)
    synthesise.write(folder / "two.mkv", turn=0)
    return folder


def key_frames(path):
    with streams.opened(path) as video:
        return [
            float(packet.pts * video.stream.time_base)
            for packet in video.container.demux(video.stream)
            if packet.is_keyframe and packet.pts is not None
        ]


def test_a_copy_is_small_and_shows_the_same_at_the_same_times(videos, tmp_path):
    found = preparing.prepare(videos, tmp_path / "small", **SETTINGS)

    assert found == {"written": 2, "kept": 0, "failed": {}}
    copy = tmp_path / "small" / "cats" / "one.mp4"
    facts = decoding.probe(copy)
    assert (facts.height, facts.width) == (24, 32)
    assert facts.duration == pytest.approx(2.0, abs=0.01)
    clip = decoding.read_frames(copy, [n / 10 + 1e-3 for n in range(20)])
    assert synthesise.numbers(clip) == list(range(20))
    assert (tmp_path / "small" / "two.mp4").exists()
    original = key_frames(videos / "cats" / "one.mp4")
    assert max(np.diff(original)) > 0.5
    assert max(np.diff(key_frames(copy))) == pytest.approx(0.2)


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_copy_is_upright(tmp_path, turn):
    (tmp_path / "videos").mkdir()
    synthesise.write(tmp_path / "videos" / "turned.mp4", turn=turn)

    preparing.prepare(tmp_path / "videos", tmp_path / "small", **SETTINGS)

    copy = tmp_path / "small" / "turned.mp4"
    assert decoding.probe(copy).rotation == 0
    assert synthesise.numbers(decoding.read_frames(copy, [0.55])) == [5]


def test_uneven_times_are_kept(tmp_path):
    (tmp_path / "videos").mkdir()
    stamps = [0, 40, 300, 310, 900, 1000, 1500, 1510, 1520, 2000]
    path = tmp_path / "videos" / "uneven.mkv"
    synthesise.write(path, count=10, stamps=stamps)

    preparing.prepare(tmp_path / "videos", tmp_path / "small", **SETTINGS)

    times = [stamp / 1000 + 2e-3 for stamp in stamps]
    copy = tmp_path / "small" / "uneven.mp4"
    clip = decoding.read_frames(copy, times)
    assert synthesise.numbers(clip) == list(range(10))


def test_small_videos_are_not_enlarged(videos, tmp_path):
    preparing.prepare(videos, tmp_path / "small", short_side=1000)

    facts = decoding.probe(tmp_path / "small" / "cats" / "one.mp4")
    assert (facts.height, facts.width) == (48, 64)


def test_only_what_is_missing_is_written(videos, tmp_path):
    preparing.prepare(videos, tmp_path / "small", **SETTINGS)
    (tmp_path / "small" / "two.mp4").unlink()
    synthesise.write(videos / "three.mp4")
    kept = (tmp_path / "small" / "cats" / "one.mp4").stat().st_mtime_ns

    found = preparing.prepare(videos, tmp_path / "small", **SETTINGS)

    assert (found["written"], found["kept"]) == (2, 1)
    copy = tmp_path / "small" / "cats" / "one.mp4"
    assert copy.stat().st_mtime_ns == kept


def test_a_source_that_changed_is_copied_again(videos, tmp_path):
    preparing.prepare(videos, tmp_path / "small", **SETTINGS)
    synthesise.write(videos / "two.mkv", count=30)

    found = preparing.prepare(videos, tmp_path / "small", **SETTINGS)

    assert (found["written"], found["kept"]) == (1, 1)
    copy = tmp_path / "small" / "two.mp4"
    assert decoding.probe(copy).duration == pytest.approx(3.0, abs=0.01)


def test_what_cannot_be_read_is_named_and_leaves_nothing(videos, tmp_path):
    broken = videos / "broken.mp4"
    broken.write_bytes(b"no video")

    found = preparing.prepare(videos, tmp_path / "small", **SETTINGS)

    assert found["written"] == 2
    assert list(found["failed"]) == [str(broken)]
    assert {p.name for p in (tmp_path / "small").iterdir()} == {
        "cats",
        "prepared.jsonl",
        "two.mp4",
    }


def test_trims_are_copied_alone(videos, tmp_path):
    whole_path = str(videos / "cats" / "one.mp4")
    trims = [("cats/one.mp4", 0.5, 1.0), (whole_path, 1.2, 1.5)]

    found = preparing.prepare(
        videos, tmp_path / "small", trims=trims, **SETTINGS
    )

    assert found["written"] == 2
    copy = tmp_path / "small" / "cats" / "one_0.5-1.mp4"
    clip = decoding.read_frames(copy, [0.0, 0.101, 0.5])
    assert synthesise.numbers(clip) == [5, 6, 10]


@pytest.mark.parametrize("name", ["cafe\u0301.mp4", "caf\udce9.mp4"])
def test_a_trim_finds_its_video_in_another_spelling(tmp_path, name):
    (tmp_path / "caf\u00e9.mp4").touch()

    [job] = preparing.plan(tmp_path, [(name, 0.5, 1.0)])

    assert job.source == str(tmp_path / "caf\u00e9.mp4")
    assert job.name == "caf\u00e9_0.5-1.mp4"


@pytest.mark.parametrize(
    ("trim", "message"),
    [
        (("three.mp4", 0, 1), "not among"),
        (("two.mkv", 1, 1), "after the first"),
    ],
)
def test_trims_of_nothing_are_refused(videos, tmp_path, trim, message):
    with pytest.raises(ValueError, match=message):
        preparing.prepare(videos, tmp_path / "small", trims=[trim], **SETTINGS)


@pytest.mark.parametrize("place", ["videos", "videos/small", "."])
def test_copies_do_not_lie_among_the_originals(videos, tmp_path, place):
    with pytest.raises(ValueError, match="folder of the originals"):
        preparing.prepare(videos, tmp_path / place, **SETTINGS)


def test_nothing_of_others_is_mixed_with_copies(videos, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("...")
    with pytest.raises(ValueError, match="is not empty"):
        preparing.prepare(videos, tmp_path / "mine", **SETTINGS)


def test_copies_of_other_settings_are_not_mixed(videos, tmp_path):
    preparing.prepare(videos, tmp_path / "small", **SETTINGS)
    with pytest.raises(ValueError, match="was prepared with"):
        preparing.prepare(videos, tmp_path / "small", short_side=32)


def test_two_videos_never_become_one(tmp_path):
    folder = tmp_path / "videos"
    folder.mkdir()
    synthesise.write(folder / "one.mkv")
    synthesise.write(folder / "one.MP4")
    with pytest.raises(ValueError, match="would both become one.mp4") as error:
        preparing.prepare(folder, tmp_path / "small", **SETTINGS)
    assert str(folder / "one.mkv") in str(error.value)
    assert str(folder / "one.MP4") in str(error.value)
    assert not (tmp_path / "small").exists()


@pytest.mark.slow
def test_copies_of_real_clips_look_like_them(clips_folder, tmp_path):
    found = preparing.prepare(clips_folder, tmp_path / "small", short_side=64)

    assert not found["failed"]
    for job in preparing.plan(clips_folder):
        copy = tmp_path / "small" / job.name
        theirs, ours = decoding.probe(job.source), decoding.probe(copy)
        # From the first frame on; some originals begin late.
        assert ours.duration == pytest.approx(theirs.duration, abs=0.5)
        assert min(ours.height, ours.width) <= 64
        size = (ours.height, ours.width)
        middle = [theirs.duration / 2]
        original = decoding.read_frames(job.source, middle, size)
        shown = decoding.read_frames(copy, middle)
        difference = np.abs(original.astype(float) - shown).mean()
        assert difference < 8, (job.name, difference)


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    (folder / "cats").mkdir(parents=True)
    synthesise.write_picture(folder / "cats" / "one.jpg", 1)
    synthesise.write_picture(folder / "two.png", 2)
    return folder


def test_pictures_are_copied_as_they_are(pictures, tmp_path):
    broken = pictures / "broken.png"
    broken.write_bytes(b"no picture")
    small = tmp_path / "small"

    found = preparing.prepare(pictures, small, **SETTINGS)
    again = preparing.prepare(pictures, small, **SETTINGS)

    assert (found["written"], list(found["failed"])) == (2, [str(broken)])
    assert (again["written"], again["kept"]) == (0, 2)
    copies = sorted(p for p in small.rglob("*") if p.is_file())
    assert [str(p.relative_to(small)) for p in copies] == [
        "cats/one.jpg",
        "prepared.jsonl",
        "two.png",
    ]
    for path in (copies[0], copies[2]):
        original = pictures / path.relative_to(small)
        assert path.read_bytes() == original.read_bytes()


def test_pictures_beside_videos_are_not_copied(videos, tmp_path):
    synthesise.write_picture(videos / "preview.png", 1)

    jobs = preparing.plan(videos)

    assert sorted(job.name for job in jobs) == ["cats/one.mp4", "two.mp4"]


def test_pictures_of_a_list_with_videos_become_videos(videos, tmp_path):
    synthesise.write_picture(videos / "three.png", 3)
    listing = tmp_path / "list.txt"
    listing.write_text("videos/two.mkv\nvideos/three.png\n")

    preparing.prepare(listing, tmp_path / "small", **SETTINGS)

    copy = tmp_path / "small" / "videos" / "three.mp4"
    assert synthesise.numbers(decoding.read_frames(copy, [0.0, 1.0])) == [3, 3]


def test_a_trim_of_a_picture_becomes_a_video(pictures):
    jobs = preparing.plan(pictures, trims=[("two.png", 0, 1)])

    assert [(job.name, job.is_still) for job in jobs] == [
        ("two_0-1.mp4", False)
    ]


def test_a_truncated_video_is_listed_and_not_copied(tmp_path):
    folder = tmp_path / "videos"
    folder.mkdir()
    whole = synthesise.write(folder / "whole.mkv", count=60)
    cut = folder / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])

    summary = preparing.prepare(folder, tmp_path / "copies", **SETTINGS)

    assert summary["written"] == 1
    assert "truncated" in summary["failed"][str(cut)]
    assert not (tmp_path / "copies" / "cut.mp4").exists()
    trims = [("cut.mkv", 0.0, 1.0)]  # it is there
    summary = preparing.prepare(folder, tmp_path / "trims", trims, **SETTINGS)
    assert summary["failed"] == {}


def test_a_source_that_changes_meanwhile_is_copied_again(
    videos, tmp_path, monkeypatch
):
    transcode = preparing.encoding.transcode

    def grows(path, *arguments, **settings):
        transcode(path, *arguments, **settings)
        if path.endswith("two.mkv"):
            synthesise.write(path, count=30)

    monkeypatch.setattr(preparing.encoding, "transcode", grows)
    summary = preparing.prepare(videos, tmp_path / "copies", **SETTINGS)
    monkeypatch.undo()

    assert "changed while" in summary["failed"][str(videos / "two.mkv")]
    again = preparing.prepare(videos, tmp_path / "copies", **SETTINGS)
    assert (again["written"], again["kept"]) == (1, 1)
    copy = tmp_path / "copies" / "two.mp4"
    assert decoding.probe(copy).duration == pytest.approx(3.0, abs=0.05)


def test_two_processes_do_not_write_one_folder(videos, tmp_path):
    from layerlock.data import copy_log

    with copy_log.begun(tmp_path / "copies"):
        with pytest.raises(ValueError, match="Another process prepares"):
            preparing.prepare(videos, tmp_path / "copies", **SETTINGS)

    summary = preparing.prepare(videos, tmp_path / "copies", **SETTINGS)
    assert summary["written"] == 2
    assert not (tmp_path / "copies" / ".prepare.lock").exists()


def test_the_home_folder_is_meant(videos, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))

    preparing.prepare("~/videos", "~/copies", **SETTINGS)

    assert (tmp_path / "copies" / "two.mp4").exists()
    with pytest.raises(ValueError, match="inside the folder of the originals"):
        preparing.prepare("~/videos", "~/videos/copies", **SETTINGS)


def test_a_link_does_not_hide_that_copies_lie_among_originals(videos, tmp_path):
    (tmp_path / "link").symlink_to(videos)

    with pytest.raises(ValueError, match="inside the folder of the originals"):
        preparing.prepare(videos, tmp_path / "link" / "copies", **SETTINGS)


@pytest.mark.parametrize(
    ("span", "shown"), [((2.5, 7.0), [0]), ((2.5, 12.0), [0, 1])]
)
def test_a_trim_begins_with_the_frame_that_is_shown(tmp_path, span, shown):
    """Slides: a frame at 0 s and another at 10 s."""
    folder = tmp_path / "slides"
    folder.mkdir()
    path = synthesise.write(folder / "one.mkv", count=2, stamps=[0, 10_000])

    found = list(decoding.all_frames(path, None, span))

    assert [synthesise.number(image) for _, image in found] == shown
    assert [time for time, _ in found] == [2.5, 10.0][: len(shown)]


def test_a_disk_without_locks_is_written(videos, tmp_path, monkeypatch):
    import filelock

    def fails(self, **arguments):
        raise NotImplementedError

    monkeypatch.setattr(filelock.FileLock, "acquire", fails)

    summary = preparing.prepare(videos, tmp_path / "copies", **SETTINGS)

    assert summary["written"] == 2


def test_a_full_disk_ends_the_copying(videos, tmp_path, monkeypatch):
    def fails(*arguments, **settings):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(preparing.encoding, "transcode", fails)

    with pytest.raises(OSError, match="No space left.*another folder"):
        preparing.prepare(videos, tmp_path / "copies", **SETTINGS)


def test_a_folder_that_a_file_manager_has_seen_is_empty(videos, tmp_path):
    copies = tmp_path / "copies"
    copies.mkdir()
    (copies / ".DS_Store").write_bytes(b"")

    assert preparing.prepare(videos, copies, **SETTINGS)["written"] == 2


@pytest.mark.parametrize(
    "path, name",
    [
        ("C:\\lists\\in\\a.mp4", "in\\a.mp4"),
        ("C:\\videos\\a.mp4", "C\\videos\\a.mp4"),
        ("D:\\videos\\a.mp4", "D\\videos\\a.mp4"),
        ("\\\\host\\share\\a.mp4", "host\\share\\a.mp4"),
    ],
)
def test_copies_of_videos_on_drives_are_in_their_folder(
    monkeypatch, path, name
):
    windows = types.SimpleNamespace(path=ntpath, sep="\\", pardir="..")
    monkeypatch.setattr(preparing, "os", windows)

    found = preparing._relative(path, "C:\\lists")

    assert found == name
    copy = pathlib.PureWindowsPath("E:\\copies") / found
    assert copy.is_relative_to("E:\\copies")


def test_a_video_with_two_labels_is_refused(videos, tmp_path):
    path = sorted(videos.rglob("*.mp4"))[0]
    (tmp_path / "list.txt").write_text(f"{path} 1\n{path} 2\n")

    with pytest.raises(ValueError, match="has two labels, 1 and 2"):
        preparing.plan(tmp_path / "list.txt")
