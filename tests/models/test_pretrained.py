import pytest

from layerlock.models import VideoEncoder
from tests.models import networks
from tests.models.foreign import files, vjepa_files
from tests.reference import encoder as reference, vjepa


def test_a_moving_average_is_what_is_loaded(tmp_path):
    pytest.importorskip("torch")
    average = vjepa_files.encoder(1)
    path = files.write_pt(
        tmp_path / "vitl.pt",
        {"encoder": vjepa_files.encoder(0), "target_encoder": average},
    )
    clips = networks.clips(batch=1, shape=(4, 8, 8))

    encoder = VideoEncoder.from_pretrained(path, num_heads=3, name="mine")

    features = encoder.features(clips, ["final_norm"])["final_norm"]
    positions = reference.token_positions((2, 2, 2))
    wanted = vjepa.features(
        vjepa_files.plain(average), 3, clips[0], positions, "tiled"
    )
    values = networks.numpy(features).reshape(8, 48)
    networks.assert_close(values, wanted[-1], 1e-4)
    assert encoder.name == "mine"


def test_an_import_is_stored_as_any_encoder(tmp_path):
    files.write_safetensors(
        tmp_path / "encoder.safetensors",
        vjepa_files.plain(vjepa_files.encoder(0)),
    )
    encoder = VideoEncoder.from_pretrained(
        tmp_path / "encoder.safetensors", num_heads=3
    )

    encoder.save_to_preset(tmp_path / "run" / "encoder")

    for path in (tmp_path / "run" / "encoder", tmp_path / "run"):
        again = VideoEncoder.from_pretrained(path)
        assert again.get_config() == encoder.get_config()
        loaded, own = networks.weights(again), networks.weights(encoder)
        assert loaded.keys() == own.keys()
        assert all((loaded[path] == value).all() for path, value in own.items())


def test_what_is_not_there_is_said():
    with pytest.raises(ValueError, match="no such file or folder"):
        VideoEncoder.from_pretrained("/nowhere")
