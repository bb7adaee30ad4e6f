"""Programs of `torch.export`."""

import keras
import pytest

from tests.models import networks
from tests.models.exports import written

torch = pytest.importorskip("torch")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        keras.backend.backend() == "tensorflow", reason="two are enough"
    ),
]


def test_a_program_takes_clips_of_other_sizes(tmp_path):
    encoder = written.encoder(positions="rotary_qk")

    export, notes = written.write(
        "torch", tmp_path / "a.pt2", encoder, ["embedding", "block_1"]
    )

    assert not notes and export.free_axes(encoder) == (0, 1, 2)
    program = torch.export.load(tmp_path / "a.pt2")
    assert not any("blocks.2" in name for name in program.state_dict)
    for batch, shape in ((1, (4, 16, 16)), (3, (6, 24, 16))):
        clips = networks.clips(batch, shape)
        features = export.features(tmp_path / "a.pt2", clips, [])
        assert list(features) == ["embedding", "block_1"]
        assert features["block_1"].shape[1:4] == encoder.grid(shape)
        written.assert_same_features(features, encoder, clips, list(features))


@pytest.mark.thorough
def test_an_axis_with_one_patch_keeps_its_size(tmp_path):
    encoder = written.encoder(clip_shape=(2, 16, 16), final_norm=True)

    export, notes = written.write(
        "torch", tmp_path / "a.pt2", encoder, ["final_norm"], "float32"
    )

    assert export.free_axes(encoder) == (1, 2)
    assert notes == ["Clips of the program have 2 frames, one patch."]
    clips = networks.clips(1, (2, 24, 32)).astype("float32")
    features = export.features(tmp_path / "a.pt2", clips, [])
    written.assert_same_features(features, encoder, clips, ["final_norm"])
