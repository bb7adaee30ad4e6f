"""Whatever a decoder stumbles over is a reason, not the end of a run."""

import json

import numpy as np
import pytest

from layerlock.data import decoding, frames, scan
from layerlock.data.sources.folder import FolderSource
from layerlock.evaluation import extraction
from layerlock.evaluation.tasks.folder import FolderTask
from tests.data import synthesise
from tests.evaluation import layouts, toys

pytest.importorskip("av")


@pytest.fixture
def stumble(monkeypatch):
    """Makes the decoder raise an error of any kind in one file."""

    def stumble(bad, error):
        frames_of = frames.timed_frames

        def timed_frames(video, start):
            if str(video.source) == str(bad):
                raise error
            return frames_of(video, start)

        monkeypatch.setattr(frames, "timed_frames", timed_frames)

    return stumble


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "videos"
    folder.mkdir()
    for name in ("a.mp4", "b.mp4"):
        synthesise.write(folder / name)
    return FolderSource(
        folder,
        frames=4,
        size=24,
        cache=False,
        failures=tmp_path / "failures.jsonl",
    )


def test_the_reader_survives_it_and_lists_the_reason(source, tmp_path, stumble):
    bad = tmp_path / "videos" / "b.mp4"
    stumble(bad, ZeroDivisionError("no\ntime base"))

    clip = source.clip(1)

    assert clip.shape == (4, 24, 24, 3)
    assert source.describe_files()["failed_reads"] >= 1
    line = (tmp_path / "failures.jsonl").read_text().splitlines()[0]
    assert json.loads(line) == {
        "index": 1,
        "path": str(bad),
        "reason": "ZeroDivisionError: no time base",
    }


@pytest.mark.parametrize("error", [KeyboardInterrupt(), MemoryError()])
def test_what_no_file_is_to_blame_for_ends_it(source, tmp_path, stumble, error):
    stumble(tmp_path / "videos" / "b.mp4", error)

    with pytest.raises(type(error)):
        source.clip(1)


def test_a_mistake_outside_of_decoding_ends_it(source, monkeypatch):
    def view(facts, index):
        raise TypeError("a mistake")

    monkeypatch.setattr(source, "view", view)

    with pytest.raises(TypeError, match="a mistake"):
        source.clip(1)


def test_a_probe_leaves_the_video_out_and_names_it(tmp_path, stumble):
    task = FolderTask(
        layouts.folder(tmp_path / "data"), frames=4, size=16, cache=False
    )
    bad = task.splits["train"][3][0].path
    stumble(bad, TypeError("no time base"))

    found = extraction.compute(toys.Encoder(), task, 1)["train"]
    labels = np.concatenate([truth for _, truth in found.batches()])

    assert len(labels) == len(task.examples("train")) - 1
    [problem] = found.problems
    assert problem.endswith("TypeError: no time base")


def test_a_scan_does_not_remember_it(tmp_path, stumble, monkeypatch):
    clip = synthesise.write(tmp_path / "clip.mp4")
    stumble(clip, TypeError("no time base"))
    [reason] = scan.scan([clip], cache=tmp_path / "cache")
    assert reason == "TypeError: no time base"
    monkeypatch.undo()

    [facts] = scan.scan([clip], cache=tmp_path / "cache")

    assert facts == decoding.probe(clip)
