"""Probes that start from the readout of an import."""

import keras
import numpy as np
import pytest

import layerlock
from layerlock import evaluation
from layerlock.evaluation.probes.attentive import AttentiveProbe
from layerlock.evaluation.probes.vjepa2 import VJEPA2Probe
from layerlock.models import DeepAttentiveReadout, stored_readout
from layerlock.models.foreign import Readout
from tests.evaluation import toys
from tests.models import networks

pytest.importorskip("sklearn")
pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="one backend is enough"
)
SHAPE = (2, 2, 2, toys.DIM)


def store(folder, names=(), outputs=4, shape=SHAPE, layer="final_norm"):
    readout = DeepAttentiveReadout(
        outputs, num_blocks=1, num_heads=2, name="readout"
    )
    readout.build((None, *shape))
    networks.randomise(readout)
    found = Readout(layer, readout, type(readout), names)
    stored_readout.save(found, shape, folder)
    return readout


def judge(probe):
    return evaluation.probe(toys.Encoder(), toys.PlantedTask(), probe, layer=1)


def logits(readout, values):
    found = networks.numpy(readout(values.reshape(-1, *SHAPE)))[:, 0]
    found = np.exp(found - found.max(axis=1, keepdims=True))
    return found / found.sum(axis=1, keepdims=True)


def test_without_steps_its_answers_are_those_of_the_readout(tmp_path):
    readout = store(tmp_path)

    result = judge(VJEPA2Probe(weights=str(tmp_path), steps=0))

    values = next(iter(result.features["test"].batches()))[0]
    expected = logits(readout, values)
    networks.assert_close(result.predictions[: len(expected)], expected, 1e-5)
    assert [trial["learning_rate"] for trial in result.trials] == [0.0]
    assert "no names: they are taken to be in the same order" in (
        result.probe.note
    )


def test_classes_are_found_by_their_names(tmp_path):
    readout = store(tmp_path, ("[D]", "x", "c", "B", "A"), outputs=5)

    result = judge(VJEPA2Probe(weights=str(tmp_path), steps=0))

    values = next(iter(result.features["test"].batches()))[0]
    expected = logits(readout, values)[:, [4, 3, 2, 0]]
    expected /= expected.sum(axis=1, keepdims=True)
    networks.assert_close(result.predictions[: len(expected)], expected, 1e-5)
    assert "4 of its 5 classes, by their names" in result.probe.note


def test_a_head_for_other_classes_is_new_and_trained(tmp_path):
    store(tmp_path, ("e", "f"), outputs=2)

    result = judge(
        VJEPA2Probe(
            weights=str(tmp_path), steps=100, learning_rates=(1e-4, 1e-2)
        )
    )

    assert result.metrics["top1"]["value"] > 0.8
    assert "Its head is new: it has 2 classes" in result.probe.note


@pytest.mark.parametrize(
    "kind, arguments, shape, message",
    [
        (AttentiveProbe, {}, SHAPE, "is a DeepAttentiveReadout"),
        (VJEPA2Probe, {}, (2, 2, 2, 6), "reads features 6 wide"),
        (VJEPA2Probe, {"steps": -1}, SHAPE, "`steps` must be positive"),
    ],
)
def test_what_does_not_fit_is_refused(
    tmp_path, kind, arguments, shape, message
):
    store(tmp_path, shape=shape)

    with pytest.raises(ValueError, match=message):
        judge(kind(weights=str(tmp_path), **arguments))


def test_what_is_no_path_is_refused():
    with pytest.raises(ValueError, match=r"Received: weights=\['a', 'b'\]"):
        AttentiveProbe(weights=["a", "b"])


def test_a_folder_without_a_readout_is_refused(tmp_path):
    with pytest.raises(ValueError, match="has no readout"):
        VJEPA2Probe(weights=str(tmp_path))


@pytest.fixture
def imported(tmp_path):
    encoder = networks.small_encoder(final_norm=True)
    encoder.save_to_preset(tmp_path / "imported")
    shape = (*encoder.grid(), encoder.hidden_dim)
    store(tmp_path / "imported", shape=shape)
    return {
        "encoder": str(tmp_path / "imported"),
        "readout": "vjepa2",
        "task": "scenes_motion",
        "frames": 4,
        "size": 16,
        "task_args": {"num_train": 8, "num_validation": 8, "num_test": 8},
        "out": tmp_path / "out",
    }


def test_probe_reads_the_layer_of_the_readout(imported, capsys):
    options = {
        **imported,
        "readout_args": {"weights": imported["encoder"], "steps": 1},
    }

    with pytest.raises(ValueError, match="Pass `layer=final_norm`"):
        layerlock.probe(**options)
    layerlock.probe(**options, layer="final_norm")

    assert "Note: Its head" in capsys.readouterr().out


def test_finetune_starts_from_the_readout(imported, capsys):
    layerlock.finetune(
        **imported,
        readout_args={"weights": imported["encoder"]},
        steps=1,
        batch_size=2,
    )

    assert "Note: Its head" in capsys.readouterr().out


def test_a_head_for_other_classes_is_not_judged_untrained(tmp_path):
    store(tmp_path, ("e", "f"), outputs=2)

    with pytest.raises(ValueError, match="judged as it is.*steps=0"):
        judge(VJEPA2Probe(weights=str(tmp_path), steps=0))
