"""What is wrong with a picture of features is said before it is computed."""

import keras
import pytest

from layerlock.data import decoding
from layerlock.jobs import visualise
from tests.data import synthesise
from tests.recipes import running

pytest.importorskip("av")
pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="one backend is enough"
)
NANO = "--encoder=random:video_vit_nano"  # clips (8, 32, 32), patches of 8


class Encoder:
    clip_shape = (16, 32, 32)
    patch_size = (2, 8, 8)


@pytest.fixture
def read(tmp_path):
    """What the job reads of a video of so many frames."""

    def read(count, fps, *flags):
        path = synthesise.write(tmp_path / "in.mp4", count=count, fps=fps)
        config = running.configure(
            "visualise", NANO, f"--video={path}", *flags
        ).resolve()
        return visualise.read(config.pictures, Encoder, decoding.probe(path))

    return read


@pytest.mark.parametrize("fps", [6, 7, 8])  # 1 / 6 and 1 / 7 are rounded
@pytest.mark.parametrize(("count", "clips"), [(63, 3), (64, 4), (65, 4)])
def test_rounding_takes_no_clip_away(read, fps, count, clips):
    found, rate = read(count, fps)

    assert rate == pytest.approx(fps, rel=1e-3)
    assert found.shape == (clips, 16, 32, 32, 3)
    shown = synthesise.numbers(found.reshape(-1, 32, 32, 3))
    assert shown == list(range(16 * clips))


def test_the_seconds_asked_for_are_the_most(read):
    found, _ = read(64, 8, "--seconds=2")

    assert len(found) == 1


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--out=dog", "--out=dog. Take --out=dog.mp4."),
        ("--out=dog.gif", "--out=dog.gif. Take --out=dog.mp4."),
        ("--out=dog.mp4.xyz", "Take --out=dog.mp4.mp4."),
        ("--size=30", "Use clips of 32 rows"),
        ("--size=0", "Use clips of 8 rows"),
        ("--size=-8", "Use clips of 8 rows"),
        ("--fps=-3", "--fps must be finite and at least 0.001"),
        ("--fps=0", "--fps must be finite and at least 0.001"),
        ("--fps=nan", "--fps must be finite. Received: nan"),
        ("--fps=inf", "--fps must be finite. Received: inf"),
        ("--layer=abc", "or final_norm. Received: abc."),
        ("--layer=nan", "or final_norm. Received: nan."),
        ("--layer=", "or final_norm. Received: ."),
        ("--layer=9", "up to the encoder's 8"),
        ("--layer=-1", "up to the encoder's 8"),
    ],
)
def test_mistakes_end_with_one_sentence(tmp_path, monkeypatch, flag, message):
    monkeypatch.chdir(tmp_path)
    synthesise.write(tmp_path / "dog.webm", count=10, codec="libvpx")

    said = running.refusal("visualise", NANO, "--video=dog.webm", flag)

    assert said.startswith("visualise: ")
    assert message in said
    assert [path.name for path in tmp_path.iterdir()] == ["dog.webm"]
