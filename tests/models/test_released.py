"""Released weights where an exported encoder is meant."""

import keras
import pytest

from layerlock.evaluation import encoders
from layerlock.models import VideoEncoder, exported
from tests.models import networks
from tests.recipes.running import resolved

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="one backend is enough"
)
READERS = [
    VideoEncoder.from_preset,
    exported.read_config,
    encoders.load,
    encoders.read_sizes,
    lambda path: resolved(f"--init_from={path}"),
    lambda path: resolved("--objective=vjepa", f"--teacher={path}"),
]


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("name", ["model.safetensors", "vitl.pt"])
def test_they_are_to_be_converted_first(tmp_path, read, name):
    (tmp_path / name).write_bytes(b"weights")
    place = tmp_path if name.startswith("model") else tmp_path / name

    with pytest.raises(ValueError, match=r"convert\(from_='.*', out='FOLDER'"):
        read(place)


@pytest.mark.parametrize("read", READERS)
def test_so_are_those_of_the_hub(read):
    with pytest.raises(ValueError, match="from_='hf://user/name', out="):
        read("hf://user/name")


def test_an_encoder_with_a_predictor_is_no_released_one(tmp_path):
    networks.small_encoder().save_to_preset(tmp_path / "mine")
    (tmp_path / "mine" / "predictor.npz").write_bytes(b"weights")

    assert exported.read_config(tmp_path / "mine")
