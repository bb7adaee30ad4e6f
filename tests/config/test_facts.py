"""The encoder that a run starts from."""

import keras
import pytest

from layerlock.config import facts

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="one backend is enough"
)


@pytest.mark.parametrize("name", ["encoder", ".replaced_encoder"])
def test_a_run_brings_its_encoder_whatever_a_kill_left(tmp_path, name):
    (tmp_path / "run" / name).mkdir(parents=True)

    found = facts.exported_folder(tmp_path / "run")

    assert found == (tmp_path / "run" / name)


def test_an_exported_encoder_is_its_own_folder(tmp_path):
    found = facts.exported_folder(tmp_path)

    assert found == tmp_path
