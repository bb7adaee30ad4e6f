"""Copies go on where they were cut off, and copy no copy."""

import json
import signal
import subprocess
import sys
import time

import pytest

from layerlock.data import copy_log, decoding, preparing, streams
from tests.data import synthesise

pytest.importorskip("av")
SETTINGS = {"short_side": 24, "key_frame_seconds": 0.2}
KILLED = """
import sys, time
from layerlock.data import encoding, preparing
encoding.os.replace = lambda *_: time.sleep(600)  # no copy is ever complete
preparing.prepare(*sys.argv[1:], short_side=24, key_frame_seconds=0.2)
"""


@pytest.fixture
def videos(tmp_path):
    folder = tmp_path / "videos"
    (folder / "cats").mkdir(parents=True)
    synthesise.write(folder / "cats" / "one.mp4", count=6)
    synthesise.write(folder / "two.mkv", count=6)
    return folder


def copies(folder):
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "prepared.jsonl"
    )


def log(folder):
    return (folder / "prepared.jsonl").read_text()


def named_as_once(folder, name, once):
    """Makes a folder of copies one of those of an earlier version."""
    (folder / name).rename(folder / once)
    text = log(folder)
    assert json.dumps(name) in text
    text = text.replace(json.dumps(name), json.dumps(once))
    (folder / "prepared.jsonl").write_text(text)


def test_a_kill_before_the_first_copy_is_survived(videos, tmp_path):
    small = tmp_path / "small"
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(videos), str(small)]
    )
    try:
        deadline = time.monotonic() + 120
        while not list(small.rglob(".writing_*")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()

    found = preparing.prepare(videos, small, **SETTINGS)

    assert found == {"written": 2, "kept": 0, "failed": {}}
    assert copies(small) == ["cats/one.mp4", "two.mp4"]


def test_a_copy_that_was_not_logged_is_written_again(
    videos, tmp_path, monkeypatch
):
    small = tmp_path / "small"

    def interrupt(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(copy_log, "add", interrupt)
        with pytest.raises(KeyboardInterrupt):
            preparing.prepare(videos, small, num_threads=1, **SETTINGS)
    assert copies(small)

    found = preparing.prepare(videos, small, **SETTINGS)

    assert found == {"written": 2, "kept": 0, "failed": {}}


def test_a_run_in_which_every_video_failed_can_go_on(
    videos, tmp_path, monkeypatch
):
    def fail(*_, **__):
        raise streams.DecodingError("the disk is gone")

    with monkeypatch.context() as patch:
        patch.setattr(decoding, "all_frames", fail)
        found = preparing.prepare(videos, tmp_path / "small", **SETTINGS)
    assert len(found["failed"]) == 2

    found = preparing.prepare(videos, tmp_path / "small", short_side=32)

    assert found == {"written": 2, "kept": 0, "failed": {}}


def test_a_line_that_was_cut_off_swallows_no_other(videos, tmp_path):
    small = tmp_path / "small"
    preparing.prepare(videos, small, **SETTINGS)
    first, second, _ = log(small).split("\n")
    (small / "prepared.jsonl").write_text(f"{first}\n{second[:20]}")

    again = preparing.prepare(videos, small, **SETTINGS)
    after = preparing.prepare(videos, small, **SETTINGS)

    assert (again["written"], again["kept"]) == (1, 1)
    assert (after["written"], after["kept"]) == (0, 2)


def test_copies_of_an_earlier_version_keep_their_names(videos, tmp_path):
    synthesise.write(videos / "LOUD.MP4", count=6)
    small = tmp_path / "small"
    preparing.prepare(videos, small, **SETTINGS)
    named_as_once(small, "two.mp4", "two.mkv.mp4")
    named_as_once(small, "LOUD.mp4", "LOUD.MP4")
    synthesise.write(videos / "new.webm", count=6, codec="libvpx")

    found = preparing.prepare(videos, small, **SETTINGS)

    assert (found["written"], found["kept"]) == (1, 3)
    names = ["LOUD.MP4", "cats/one.mp4", "new.mp4", "two.mkv.mp4"]
    assert copies(small) == names
    synthesise.write(videos / "two.mkv", count=12)
    found = preparing.prepare(videos, small, **SETTINGS)
    assert (found["written"], found["kept"]) == (1, 3)
    assert copies(small) == names


def test_a_video_that_is_called_like_an_old_copy_has_its_own(tmp_path):
    (tmp_path / "videos").mkdir()
    small = tmp_path / "small"
    synthesise.write(tmp_path / "videos" / "one.mkv.mp4", count=6)
    preparing.prepare(tmp_path / "videos", small, **SETTINGS)
    synthesise.write(tmp_path / "videos" / "one.mkv", count=6)

    found = preparing.prepare(tmp_path / "videos", small, **SETTINGS)

    assert (found["written"], found["kept"]) == (1, 1)
    assert copies(small) == ["one.mkv.mp4", "one.mp4"]


def test_copies_that_a_glob_finds_are_not_copied(videos, tmp_path):
    small = tmp_path / "small"

    found = [
        preparing.prepare(f"{tmp_path}/**/*.m*", small, **SETTINGS)
        for _ in range(3)
    ]

    assert [one["written"] for one in found] == [2, 0, 0]
    assert [one["kept"] for one in found] == [0, 2, 2]
    assert copies(small) == ["videos/cats/one.mp4", "videos/two.mp4"]


def test_copies_are_known_through_a_link(videos, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "link").symlink_to(elsewhere)
    glob = f"{tmp_path}/[vl]*/**/*.m*"

    preparing.prepare(glob, elsewhere, **SETTINGS)
    found = preparing.prepare(glob, elsewhere, **SETTINGS)

    assert (found["written"], found["kept"]) == (0, 2)


def test_copies_alone_are_refused(videos, tmp_path):
    small = tmp_path / "small"
    preparing.prepare(videos, small, **SETTINGS)

    with pytest.raises(ValueError, match="All 2 videos .* Expected the orig"):
        preparing.prepare(f"{tmp_path}/sm*/**/*.mp4", small, **SETTINGS)


def test_a_trim_of_a_copy_is_refused(videos, tmp_path):
    small = tmp_path / "small"
    preparing.prepare(videos, small, **SETTINGS)
    trims = [("small/two.mp4", 0.0, 0.2)]

    with pytest.raises(ValueError, match="not among the 2 videos"):
        preparing.prepare(f"{tmp_path}/**/*.m*", small, trims=trims, **SETTINGS)
