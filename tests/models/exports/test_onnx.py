"""Programs for onnxruntime."""

import keras
import pytest

from layerlock.backends.torch.portable import programs
from tests.models import networks
from tests.models.exports import written

for package in ("torch", "onnx", "onnxscript"):
    pytest.importorskip(package)
onnxruntime = pytest.importorskip("onnxruntime")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        keras.backend.backend() != "torch", reason="one backend is enough"
    ),
]
LAYERS = ["block_2", "embedding"]


def assert_same_features(export, path, encoder, dtype):
    for batch, shape in ((1, (4, 16, 16)), (3, (6, 24, 8))):
        clips = networks.clips(batch, shape).astype(dtype)
        features = export.features(path, clips, LAYERS)
        written.assert_same_features(features, encoder, clips, LAYERS)


def test_a_program_takes_clips_of_other_sizes(tmp_path):
    encoder = written.encoder(positions="rotary_qk")
    path = tmp_path / "a.onnx"

    export, _ = written.write("onnx", path, encoder, LAYERS)

    assert_same_features(export, path, encoder, "uint8")
    session = onnxruntime.InferenceSession(path)
    [clips] = session.get_inputs()
    assert clips.name == "clips" and clips.type == "tensor(uint8)"
    assert [output.name for output in session.get_outputs()] == LAYERS
    assert [p.name for p in tmp_path.iterdir()] == ["a.onnx"]


@pytest.mark.thorough
def test_large_weights_are_in_a_second_file(tmp_path, monkeypatch):
    monkeypatch.setattr(programs, "_LARGEST_FILE", 1000)
    encoder = written.encoder(positions="sincos_flat")
    path = tmp_path / "a.onnx"

    export, _ = written.write("onnx", path, encoder, LAYERS, "float32")

    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "a.onnx",
        "a.onnx.data",
    ]
    assert_same_features(export, path, encoder, "float32")
