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
