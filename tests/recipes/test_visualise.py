"""Features over a video, as a command."""

import subprocess
import sys

import keras
import pytest

from layerlock.data import decoding
from tests.data import synthesise
from tests.recipes import running

pytest.importorskip("av")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        keras.backend.backend() != "torch", reason="one backend is enough"
    ),
]


def visualise(*flags):
    recipe = running.ROOT / "recipes" / "visualise.py"
    return subprocess.run(
        [sys.executable, str(recipe), *flags],
        env=running.environment(),
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_it_writes_a_video_beside_its_features(small, tmp_path):
    video = synthesise.write(tmp_path / "in.mp4", count=40, fps=10)
    encoder = small[0].replace("--init_from", "--encoder")
    flags = [encoder, f"--video={video}", f"--out={tmp_path / 'out.mp4'}"]

    finished = visualise(*flags, "--fps=10")

    assert finished.returncode == 0, finished.stderr[-2000:]
    facts = decoding.probe(tmp_path / "out.mp4")
    assert facts.duration == pytest.approx(4.0)
    assert (facts.height, facts.width) == (256, 512)
    assert "Nothing is overwritten" in running.refusal("visualise", *flags)


def test_mistakes_end_with_one_sentence(tmp_path):
    (tmp_path / "bad.mp4").write_text("no video")
    encoder = "--encoder=random:video_vit_nano"
    for flags, message in (
        ([encoder], "--video is missing"),
        ([encoder, f"--video={tmp_path / 'bad.mp4'}"], "visualise: "),
    ):
        assert message in running.refusal("visualise", *flags)
