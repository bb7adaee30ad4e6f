"""Probes and fine-tuning take released encoders as they take runs."""

import keras
import numpy as np
import pytest

import layerlock
from layerlock.models import foreign
from tests.models import networks
from tests.models.foreign import files, videomae_files

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="one backend is enough"
)
FEW = {"num_train": 24, "num_validation": 8, "num_test": 8}


@pytest.fixture
def imported(tmp_path):
    """The folder of an encoder of VideoMAE with a last norm."""
    pytest.importorskip("sklearn")
    prefix = "encoder."
    arrays = {
        name.removeprefix(prefix): value
        for name, value in videomae_files.pretrained().items()
        if name.startswith(prefix)
    }
    path = tmp_path / "vit.safetensors"
    files.write_safetensors(path, arrays)
    encoder = foreign.read(path, num_heads=3, clip_shape=(4, 16, 16)).encoder
    encoder.save_to_preset(tmp_path / "imported")
    return tmp_path / "imported"


def test_a_probe_reads_the_last_norm(imported, tmp_path):
    found = layerlock.probe(
        encoder=imported,
        layer="final_norm",
        readout="vjepa2",
        readout_args={"steps": 2, "num_heads": 3, "num_blocks": 2},
        task="scenes_motion",
        task_args=FEW,
        out=tmp_path / "out",
    )

    assert len(found.trials) == 2
    assert 0 <= found.metrics["top1"]["value"] <= 1


def test_fine_tuning_changes_all_of_it(imported, tmp_path):
    layerlock.finetune(
        encoder=imported,
        readout="linear",
        task="scenes_motion",
        task_args=FEW,
        steps=2,
        batch_size=4,
        out=tmp_path / "out",
    )

    before, after = (
        layerlock.VideoEncoder.from_preset(path)
        for path in (imported, tmp_path / "out" / "encoder")
    )
    assert after.final_norm and after.positions == "sincos_flat"
    for old, new in zip(before.weights, after.weights, strict=True):
        assert not np.array_equal(networks.numpy(old), networks.numpy(new))
