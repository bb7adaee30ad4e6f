import numpy as np
import pytest

from layerlock.models import VideoEncoder, foreign, weights
from tests.models import networks
from tests.models.foreign import files, videomae_files, vjepa_files


def test_arguments_replace_those_of_the_file(tmp_path):
    path = tmp_path / "a.safetensors"
    files.write_safetensors(path, vjepa_files.plain(vjepa_files.encoder(0)))

    encoder = foreign.read(
        path, num_heads=6, clip_shape=(8, 16, 16), dtype="mixed_bfloat16"
    ).encoder

    assert encoder.num_heads == 6
    assert encoder.grid() == (4, 4, 4)
    assert encoder.compute_dtype == "bfloat16"


def test_arguments_that_do_not_fit_are_a_sentence(tmp_path):
    path = tmp_path / "a.safetensors"
    files.write_safetensors(path, vjepa_files.plain(vjepa_files.encoder(0)))

    with pytest.raises(ValueError, match="No encoder can be built for"):
        foreign.read(path, num_heads=7)


def test_networks_to_be_filled_draw_no_numbers():
    with weights.without_initial_values():
        empty = VideoEncoder(**networks.SIZES)

    full = VideoEncoder(**networks.SIZES)
    kernels = [
        [v for v in e.weights if v.path.endswith("kernel")]
        for e in (empty, full)
    ]
    assert all(np.all(networks.numpy(v) == 0) for v in kernels[0])
    assert all(np.any(networks.numpy(v) != 0) for v in kernels[1])


def test_arrays_of_another_rank_are_named(tmp_path):
    arrays = videomae_files.encoder()
    arrays["blocks.0.attn.q_bias"] = np.zeros((2, 3), "float32")
    files.write_safetensors(tmp_path / "a.safetensors", arrays)

    with pytest.raises(ValueError, match=r"cannot become block_1/qkv_bias"):
        foreign.read(tmp_path / "a.safetensors", num_heads=3)


@pytest.mark.parametrize("value", [np.nan, -np.inf])
def test_arrays_that_are_not_finite_are_named(tmp_path, value):
    arrays = videomae_files.encoder()
    arrays["blocks.1.norm1.weight"][3] = value
    files.write_safetensors(tmp_path / "a.safetensors", arrays)

    with pytest.raises(ValueError, match=r"blocks\.1\.norm1.*not finite"):
        foreign.read(tmp_path / "a.safetensors", num_heads=3)
