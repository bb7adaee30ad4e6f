"""Shards are written once, whatever stops the job in between."""

import errno
import pathlib
import signal
import subprocess
import sys
import threading
import time

import pytest

from layerlock.data import decoding, encoding, packing, preparing, shards
from layerlock.data.streams import DecodingError
from tests.data import synthesise

pytest.importorskip("av")
SETTINGS = {"short_side": 24, "key_frame_seconds": 0.2}
NAMES = ["cats/one.mp4", "cats/two.mp4", "dogs/one.mp4", "three.mp4"]


@pytest.fixture
def videos(tmp_path):
    folder = tmp_path / "videos"
    for mark, name in enumerate(NAMES):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        synthesise.write(folder / name, mark=mark)
    return folder


@pytest.fixture
def out(tmp_path):
    return tmp_path / "shards"


def contents(folder) -> dict:
    """The bytes of all videos in shards, by name."""
    readers, found = shards.ShardReaders(), {}
    for path in shards.find(folder)[1]:
        for number in range(readers.count(path) - 1):
            header, content = readers.read(path, number)
            assert header["name"] not in found
            found[header["name"]] = content
    return found


def dates(folder) -> dict:
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def test_shards_hold_a_copy_of_each_video(videos, out):
    found = packing.pack(videos, out, 3, **SETTINGS)

    assert found == {"written": 4, "kept": 0, "failed": {}}
    assert sorted(dates(out)) == shards.names(3)
    copies = contents(out)
    assert sorted(copies) == NAMES
    for content in copies.values():
        assert decoding.probe(content).height == 24
        clip = decoding.read_frames(content, [n / 10 for n in range(20)])
        assert synthesise.numbers(clip) == list(range(20))


def test_copies_that_are_ready_are_taken_as_they_are(
    videos, out, tmp_path, monkeypatch
):
    loose = tmp_path / "loose"
    preparing.prepare(videos, loose, **SETTINGS)
    monkeypatch.delattr(encoding, "transcode")

    packing.pack(loose, out, 2, **SETTINGS)

    copies = {name: (loose / name).read_bytes() for name in NAMES}
    assert contents(out) == copies


def test_copies_of_other_settings_are_copied_again(videos, out, tmp_path):
    loose = tmp_path / "loose"
    preparing.prepare(videos, loose, **SETTINGS)

    packing.pack(loose, out, 2, **SETTINGS | {"short_side": 16})

    assert decoding.probe(contents(out)["three.mp4"]).height == 16


def test_a_header_has_name_label_span_and_facts(videos, out, tmp_path):
    listing = tmp_path / "list.csv"
    listing.write_text("videos/three.mp4,7\nvideos/cats/one.mp4,9\n")
    trims = [("videos/three.mp4", 0.5, 1.5)]

    packing.pack(listing, out, 1, trims=trims, **SETTINGS)

    (header,) = shards.read_index(out / shards.names(1)[0])["videos"]
    assert header["name"] == "videos/three_0.5-1.5.mp4"
    assert (header["label"], header["span"]) == ("7", [0.5, 1.5])
    assert (header["facts"]["width"], header["facts"]["height"]) == (32, 24)
    assert header["key"][0] == str(videos / "three.mp4")


def test_finished_shards_are_kept(videos, out):
    packing.pack(videos, out, 2, **SETTINGS)
    before = dates(out)

    found = packing.pack(videos, out, 2, **SETTINGS)

    assert found == {"written": 0, "kept": 4, "failed": {}}
    assert dates(out) == before


def test_parts_of_a_job_array_write_all_shards_once(videos, out):
    first = packing.pack(videos, out, 3, part=(1, 2), **SETTINGS)
    names = sorted(dates(out))
    second = packing.pack(videos, out, 3, part=(2, 2), **SETTINGS)

    assert names == [shards.names(3)[0], shards.names(3)[2]]
    assert (first["written"], second["written"]) == (3, 1)
    assert sorted(contents(out)) == NAMES


def test_two_jobs_with_the_same_part_write_it_once(videos, out):
    found = []
    jobs = [
        threading.Thread(
            target=lambda: found.append(
                packing.pack(videos, out, 1, **SETTINGS)
            )
        )
        for _ in range(2)
    ]

    for job in jobs:
        job.start()
    for job in jobs:
        job.join()

    assert sorted(one["written"] for one in found) == [0, 4]
    assert sorted(contents(out)) == NAMES


def test_a_killed_job_goes_on_behind_its_finished_shards(videos, out):
    code = (
        "import sys, time\n"
        "from layerlock.data import packing\n"
        "def wait(done, total):\n"
        "    time.sleep(600 * (done > 2))\n"
        "packing.pack(*sys.argv[1:], 2, num_threads=1, progress=wait,\n"
        "    short_side=24, key_frame_seconds=0.2)\n"
    )
    first, second = (out / name for name in shards.names(2))
    draft = out / f".writing_{second.name}"
    job = subprocess.Popen([sys.executable, "-c", code, videos, out])
    limit = time.monotonic() + 120
    while not draft.exists() and time.monotonic() < limit:
        time.sleep(0.05)
    job.send_signal(signal.SIGKILL)
    job.wait()
    assert first.exists() and draft.exists() and not second.exists()
    date = first.stat().st_mtime_ns

    found = packing.pack(videos, out, 2, **SETTINGS)

    assert found == {"written": 2, "kept": 2, "failed": {}}
    assert first.stat().st_mtime_ns == date
    assert sorted(dates(out)) == shards.names(2)
    assert sorted(contents(out)) == NAMES


def test_an_interrupt_does_not_wait_for_whole_shards(videos, out):
    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        packing.pack(videos, out, 1, progress=interrupt, **SETTINGS)

    assert not any(name.startswith(".writing") for name in dates(out))
    assert packing.pack(videos, out, 1, **SETTINGS)["written"] == 4


def test_a_damaged_shard_is_written_again(videos, out):
    packing.pack(videos, out, 2, **SETTINGS)
    path = out / shards.names(2)[1]
    path.write_bytes(path.read_bytes()[:1000])

    found = packing.pack(videos, out, 2, **SETTINGS)

    assert (found["written"], found["kept"]) == (2, 2)
    assert sorted(contents(out)) == NAMES


def test_a_broken_video_is_listed_each_time(videos, out):
    broken = videos / "broken.mp4"
    broken.write_bytes(b"no video" * 100)

    first, second = (packing.pack(videos, out, 2, **SETTINGS) for _ in "ab")

    assert list(first["failed"]) == [str(broken)]
    assert second["failed"] == first["failed"]
    assert (first["written"], second["kept"]) == (4, 4)
    assert sorted(contents(out)) == NAMES


def test_a_video_that_vanishes_stops_its_shard(videos, out, monkeypatch):
    transcode = encoding.transcode

    def fails(path, *args, **settings):
        pathlib.Path(path).unlink()
        return transcode(path, *args, **settings)

    monkeypatch.setattr(encoding, "transcode", fails)

    with pytest.raises(OSError, match="one.mp4 cannot be read now"):
        packing.pack(videos, out, 1, **SETTINGS)

    assert not (out / shards.names(1)[0]).exists()


def test_a_full_disk_stops_a_shard(videos, out, monkeypatch):
    def fails(*args, **settings):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(encoding, "transcode", fails)

    with pytest.raises(OSError, match="No space left.*TMPDIR"):
        packing.pack(videos, out, 1, **SETTINGS)

    assert not (out / shards.names(1)[0]).exists()


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.ETIMEDOUT])
def test_a_disk_that_does_not_answer_stops_a_shard(
    videos, out, monkeypatch, number
):
    def fails(job):
        raise DecodingError("cannot be read") from OSError(number, "")

    with monkeypatch.context() as broken:
        broken.setattr(packing.copy_checks, "check_source", fails)
        with pytest.raises(OSError, match="cannot be read now"):
            packing.pack(videos, out, 1, **SETTINGS)

    assert packing.pack(videos, out, 1, **SETTINGS)["failed"] == {}


def test_files_of_a_file_manager_are_no_files(videos, out):
    out.mkdir(parents=True)
    (out / ".DS_Store").write_bytes(b"")

    assert packing.pack(videos, out, 1, **SETTINGS)["failed"] == {}


@pytest.mark.parametrize("error", [OSError(errno.ENOLCK), NotImplementedError])
def test_a_disk_without_locks_takes_shards(videos, out, monkeypatch, error):
    import filelock

    def fails(self, *arguments, **keywords):
        raise error

    monkeypatch.setattr(filelock.FileLock, "acquire", fails)

    assert packing.pack(videos, out, 1, **SETTINGS)["failed"] == {}


def test_shards_of_other_settings_are_refused(videos, out):
    packing.pack(videos, out, 2, **SETTINGS)

    with pytest.raises(ValueError, match="'short_side': 24.*'short_side': 16"):
        packing.pack(videos, out, 2, **SETTINGS | {"short_side": 16})


def test_shards_of_other_videos_are_refused(videos, out):
    packing.pack(videos, out, 2, **SETTINGS)
    before = dates(out)
    synthesise.write(videos / "dogs" / "one.mp4", count=30)

    with pytest.raises(ValueError, match="the first is dogs/one.mp4"):
        packing.pack(videos, out, 2, **SETTINGS)

    assert dates(out) == before


def test_another_number_of_shards_is_refused(videos, out):
    packing.pack(videos, out, 2, **SETTINGS)

    with pytest.raises(ValueError, match="shard-00000-of-00002.*3 shards"):
        packing.pack(videos, out, 3, **SETTINGS)


@pytest.mark.parametrize("number", [0, 5])
def test_a_shard_has_at_least_one_video(videos, out, number):
    with pytest.raises(
        ValueError, match=f"1 to .*4. Received: shards={number}"
    ):
        packing.pack(videos, out, number, **SETTINGS)


def test_a_broken_picture_is_listed(tmp_path, out):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    synthesise.write_picture(pictures / "one.png", 1)
    (pictures / "two.png").write_bytes(b"no picture" * 100)

    found = packing.pack(pictures, out, 1, **SETTINGS)

    assert list(found["failed"]) == [str(pictures / "two.png")]
    assert contents(out) == {"one.png": (pictures / "one.png").read_bytes()}


def test_a_picture_that_vanishes_stops_its_shard(tmp_path, out, monkeypatch):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    synthesise.write_picture(pictures / "one.png", 1)
    read = packing._read

    def fails(path):
        pathlib.Path(path).unlink()
        return read(path)

    monkeypatch.setattr(packing, "_read", fails)

    with pytest.raises(OSError, match="one.png cannot be read now"):
        packing.pack(pictures, out, 1, **SETTINGS)

    assert not (out / shards.names(1)[0]).exists()


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        ImportError("PyAV is not installed"),
        OSError(errno.EMFILE, "Too many open files"),
    ],
)
def test_a_fault_of_the_machine_stops_a_shard(videos, out, monkeypatch, error):
    def fails(*args, **settings):
        if isinstance(error, OSError):
            raise DecodingError("cannot be opened") from error
        raise error

    monkeypatch.setattr(encoding, "transcode", fails)

    with pytest.raises(type(error)):
        packing.pack(videos, out, 1, **SETTINGS)

    assert not (out / shards.names(1)[0]).exists()


def test_a_truncated_video_is_not_packed(videos, out):
    whole = synthesise.write(videos / "whole.mkv", count=60)
    cut = videos / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])

    summary = packing.pack(videos, out, 1, **SETTINGS)

    assert list(summary["failed"]) == [str(cut)]
    assert "truncated" in summary["failed"][str(cut)]


def test_nothing_is_written_without_an_encoder(videos, out, monkeypatch):
    import av

    def no_codec(name, mode):
        raise av.codec.codec.UnknownCodecError(name)

    monkeypatch.setattr(av, "Codec", no_codec)

    for write in (packing.pack, preparing.prepare):
        arguments = (2,) if write is packing.pack else ()
        with pytest.raises(ImportError, match="x264"):
            write(videos, out, *arguments, **SETTINGS)
    assert not out.exists()
