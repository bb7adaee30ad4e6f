"""The encoder that the flags of a recipe ask for."""

import keras
import pytest

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="one backend is enough"
)


@pytest.mark.parametrize("name", ["encoder", ".replaced_encoder"])
def test_a_run_brings_its_encoder_whatever_a_kill_left(common, tmp_path, name):
    (tmp_path / "run" / name).mkdir(parents=True)

    found = common.network.encoder_folder({"init_from": str(tmp_path / "run")})

    assert found == (tmp_path / "run" / name)


def test_an_exported_encoder_is_its_own_folder(common, tmp_path):
    found = common.network.encoder_folder({"init_from": str(tmp_path)})

    assert found == tmp_path
