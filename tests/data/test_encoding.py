import numpy as np
import pytest

from layerlock.data import decoding, encoding
from tests.data import synthesise

pytest.importorskip("av")


@pytest.mark.parametrize("fps", [8, 12.5])
def test_what_is_written_can_be_read(tmp_path, fps):
    frames = [synthesise.image(number) for number in range(10)]

    encoding.write_video(tmp_path / "out.mp4", frames, fps)

    facts = decoding.probe(tmp_path / "out.mp4")
    assert facts.fps == pytest.approx(fps)
    assert facts.duration == pytest.approx(10 / fps)
    clip = decoding.read_frames(
        tmp_path / "out.mp4", np.arange(10) / fps + 1e-3
    )
    assert synthesise.numbers(clip) == list(range(10))


def test_the_last_frame_of_a_copy_stays_as_long(tmp_path):
    whole = synthesise.write(tmp_path / "whole.mkv", options={"bf": "0"})
    path = synthesise.copy_packets(
        whole, tmp_path / "held.mp4", durations={19: 10}
    )

    encoding.transcode(path, tmp_path / "copy.mp4")
    encoding.transcode(path, tmp_path / "part.mp4", span=(1.0, 4.0))

    facts = decoding.probe(tmp_path / "copy.mp4")
    assert facts.duration == pytest.approx(decoding.probe(path).duration)
    assert facts.fps == pytest.approx(10, abs=0.5)
    part = decoding.probe(tmp_path / "part.mp4")
    assert part.duration == pytest.approx(3.0)


def test_frames_of_one_time_are_copied(tmp_path, monkeypatch):
    path = synthesise.write(tmp_path / "clip.mp4")
    frames = [(round(t, 1), i) for t, i in decoding.all_frames(path)]
    frames[5] = (frames[4][0], frames[5][1])
    monkeypatch.setattr(decoding, "all_frames", lambda *_: iter(frames))

    encoding.transcode(path, tmp_path / "copy.mp4")

    monkeypatch.undo()
    copy = [image for _, image in decoding.all_frames(tmp_path / "copy.mp4")]
    assert synthesise.numbers(copy) == list(range(20))
