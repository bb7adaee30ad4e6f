import errno
import json
import os
import shutil
import sys

import numpy as np
import pytest

from layerlock.data import decoding, scan, streams
from layerlock.data.streams import DecodingError
from tests.data import synthesise

pytest.importorskip("av")


@pytest.fixture
def clip(tmp_path):
    folder = tmp_path / "clips"
    folder.mkdir()
    return synthesise.write(folder / "clip.mp4")


@pytest.fixture
def probed(monkeypatch):
    """Names of the files that were read, not found in the cache."""
    names = []
    probe = decoding.probe

    def note(path):
        names.append(os.path.basename(path))
        return probe(path)

    monkeypatch.setattr(decoding, "probe", note)
    return names


def cache_files(cache):
    return sorted(cache.rglob("*.json"))


def corrupt_variants(clip, folder):
    """Writes twelve files that are no videos any more; returns their paths."""
    good = clip.read_bytes()
    mkv = synthesise.write(clip.parent / "source.mkv", count=60).read_bytes()
    first = synthesise.write(
        clip.parent / "first.mp4", count=60, index_first=True
    ).read_bytes()
    frames = first.index(b"mdat")
    contents = {
        "empty.mp4": b"",
        "half.mp4": good[: len(good) // 2],
        "header.mp4": good[:40],
        "header.mkv": mkv[:300],
        "index.mp4": first[: frames + 8],
        "part.mkv": mkv[: len(mkv) // 2],
        "part.mp4": first[: (frames + len(first)) // 2],
        "text.mp4": b"this is not a video\n" * 50,
        "zeros.mp4": bytes(5000),
        "zeroed.mp4": first[: frames + 8] + bytes(len(first) - frames - 8),
    }
    folder.mkdir()
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    synthesise.write_sound(folder / "sound.mp4")
    (folder / "link.mp4").symlink_to(folder / "nowhere.mp4")
    (folder / "folder.mp4").mkdir()
    return sorted(folder.iterdir())


def test_corrupt_files_get_a_reason_in_one_line(clip, tmp_path):
    paths = corrupt_variants(clip, tmp_path / "bad")

    results = scan.scan(paths, cache=False)

    assert len(paths) == 13
    for path, result in zip(paths, results, strict=True):
        assert isinstance(result, str), path
        assert result and "\n" not in result
    reasons = {
        path.name: result for path, result in zip(paths, results, strict=True)
    }
    assert reasons["empty.mp4"] == "an empty file"
    assert reasons["folder.mp4"] == "a folder, not a video"
    assert reasons["link.mp4"] == "a link to a file that does not exist"
    assert reasons["sound.mp4"] == "it has no video stream"
    assert "truncated" in reasons["part.mkv"]


def test_flipped_bytes_never_crash_a_scan_or_a_reader(clip, tmp_path):
    content = np.frombuffer(clip.read_bytes(), "uint8")
    rng = np.random.default_rng(0)
    paths = []
    for n in range(20):
        flipped = content.copy()
        places = rng.integers(0, len(content), 8)
        flipped[places] ^= rng.integers(1, 256, 8).astype("uint8")
        paths.append(tmp_path / f"{n}.mp4")
        paths[-1].write_bytes(flipped.tobytes())

    results = scan.scan(paths, cache=False)

    for path, result in zip(paths, results, strict=True):
        if isinstance(result, str):
            assert "\n" not in result
            continue
        try:
            images = decoding.read_frames(path, [0.5, 1.5], size=(8, 8))
        except decoding.DecodingError:
            continue
        assert images.shape == (2, 8, 8, 3)


def test_a_second_scan_reads_no_file(clip, tmp_path, probed):
    first = scan.scan([clip], cache=tmp_path)
    again = scan.scan([clip], cache=tmp_path)

    assert probed == ["clip.mp4"]
    assert again == first == [decoding.probe(clip)]


def test_bad_files_are_remembered_too(clip, tmp_path, probed):
    bad = clip.with_name("bad.mp4")
    bad.write_bytes(b"text")

    first = scan.scan([bad], cache=tmp_path)
    again = scan.scan([bad], cache=tmp_path)

    assert probed == ["bad.mp4"]
    assert again == first


@pytest.mark.parametrize("code", [errno.EACCES, errno.EMFILE, errno.EIO])
def test_what_the_machine_is_to_blame_for_is_not_remembered(
    clip, tmp_path, monkeypatch, code
):
    cache = tmp_path / "cache"

    def fail(path):
        error = OSError(code, os.strerror(code))
        raise DecodingError(streams.reason(error)) from error

    with monkeypatch.context() as context:
        context.setattr(decoding, "probe", fail)
        [reason] = scan.scan([clip], cache=cache)
    assert reason == os.strerror(code)

    [facts] = scan.scan([clip], cache=cache)
    assert facts.duration > 0


def test_without_the_library_no_file_is_called_bad(clip, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    with monkeypatch.context() as context:
        context.setitem(sys.modules, "av", None)
        with pytest.raises(ImportError, match=r"layerlock\[video\]"):
            scan.scan([clip], cache=cache)

    [facts] = scan.scan([clip], cache=cache)
    assert facts.duration > 0


def test_a_file_that_changed_is_read_again(clip, tmp_path, probed):
    scan.scan([clip], cache=tmp_path)
    synthesise.write(clip, count=30)

    (facts,) = scan.scan([clip], cache=tmp_path)

    assert probed == ["clip.mp4"] * 2
    assert facts.duration == pytest.approx(3.0, abs=0.01)


@pytest.mark.parametrize("part", ["the decoder", "our reader"])
def test_a_newer_version_reads_the_files_again(
    clip, tmp_path, probed, monkeypatch, part
):
    bad = clip.with_name("bad.mp4")
    bad.write_bytes(b"text")
    scan.scan([clip, bad], cache=tmp_path)
    if part == "the decoder":
        monkeypatch.setattr(streams, "version", lambda: "99.0")
    else:
        monkeypatch.setattr(scan, "_VERSION", scan._VERSION + 1)

    for _ in range(2):
        scan.scan([clip, bad], cache=tmp_path)

    assert sorted(probed) == ["bad.mp4"] * 2 + ["clip.mp4"] * 2


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"version": 1}', "\x00\x01"]
)
def test_a_corrupt_cache_is_ignored_and_repaired(
    clip, tmp_path, probed, content
):
    scan.scan([clip], cache=tmp_path)
    (file,) = cache_files(tmp_path)
    file.write_text(content)

    scan.scan([clip], cache=tmp_path)
    scan.scan([clip], cache=tmp_path)

    assert probed == ["clip.mp4"] * 2
    assert json.loads(file.read_text())["files"]


def test_a_corrupt_entry_of_a_cache_is_ignored(clip, tmp_path, probed):
    (facts,) = scan.scan([clip], cache=tmp_path)
    (file,) = cache_files(tmp_path)
    content = json.loads(file.read_text())
    content["files"]["clip.mp4"][1] = {"duration": 1}
    file.write_text(json.dumps(content))

    assert scan.scan([clip], cache=tmp_path) == [facts]


def test_results_of_two_scans_of_a_folder_are_both_kept(clip, tmp_path, probed):
    other = clip.with_name("other.mp4")
    shutil.copy(clip, other)

    scan.scan([clip], cache=tmp_path)
    scan.scan([other], cache=tmp_path)
    scan.scan([clip, other], cache=tmp_path)

    assert probed == ["clip.mp4", "other.mp4"]
    assert len(cache_files(tmp_path)) == 1


def test_the_cache_lies_where_the_user_keeps_caches(
    clip, tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    scan.scan([clip])

    assert len(cache_files(tmp_path / "layerlock")) == 1


def test_no_cache_is_written_when_none_is_wanted(clip, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))

    scan.scan([clip], cache=False)

    assert not (tmp_path / "home").exists()


def test_a_cache_that_cannot_be_written_is_done_without(clip, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")

    (facts,) = scan.scan([clip], cache=blocked)

    assert facts.width == 64


def test_progress_counts_the_files_that_are_read(clip, tmp_path):
    other = clip.with_name("other.mp4")
    shutil.copy(clip, other)
    seen = []

    scan.scan(
        [clip, other], cache=tmp_path, progress=lambda *now: seen.append(now)
    )

    assert seen == [(1, 2), (2, 2)]


def test_what_an_interrupted_scan_found_is_kept(clip, tmp_path, probed):
    other = clip.with_name("other.mp4")
    shutil.copy(clip, other)

    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scan.scan(
            [clip, other], cache=tmp_path, num_threads=1, progress=interrupt
        )
    kept = json.loads(cache_files(tmp_path)[0].read_text())["files"]

    assert list(kept) == ["clip.mp4"]


def test_results_come_in_the_order_of_the_paths(clip, tmp_path):
    bad = clip.with_name("bad.mp4")
    bad.write_bytes(b"text")

    kinds = [
        type(result).__name__
        for result in scan.scan([clip, bad, clip, bad], cache=tmp_path)
    ]

    assert kinds == ["Facts", "str", "Facts", "str"]


def test_results_are_kept_while_a_scan_goes_on(clip, tmp_path, monkeypatch):
    second = clip.with_name("second.mp4")
    second.write_bytes(clip.read_bytes())
    monkeypatch.setattr(scan, "_SECONDS", 0)

    class Killed(BaseException):
        """No `finally` runs after SIGTERM."""

    def progress(done, total):
        if done == 2:
            monkeypatch.setattr(scan._Cache, "save", lambda self: None)
            raise Killed

    with pytest.raises(Killed):
        scan.scan([clip, second], tmp_path / "cache", 1, progress)

    assert cache_files(tmp_path / "cache")
