"""Folders that `AutoModel` loads."""

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from layerlock.models import LatentPredictor, foreign
from layerlock.models.exports import transformers as room
from tests.models import networks
from tests.models.exports import written

pytest.importorskip("torch")
pytest.importorskip("safetensors")
library = pytest.importorskip("transformers")
pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="one backend is enough"
)
VJEPA2 = {"positions": "rotary_tiled", "final_norm": True}


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def loaded(folder, **arguments):
    """The model, with every weight read from the folder."""
    model, report = library.AutoModel.from_pretrained(
        folder, output_loading_info=True, **arguments
    )
    lists = [report[name] for name in ("missing_keys", "unexpected_keys")]
    assert not any(lists), lists
    return model


@pytest.mark.parametrize(
    "arguments",
    [
        {"positions": "rotary"},
        {"positions": "learned"},
        {**VJEPA2, "positions": "rotary_interleaved"},
    ],
    ids=lambda arguments: arguments["positions"],
)
def test_an_encoder_of_our_own_comes_with_its_code(tmp_path, arguments):
    encoder = written.encoder(**arguments)

    export, notes = written.write("transformers", tmp_path / "out", encoder)
    model = loaded(tmp_path / "out", trust_remote_code=True)
    found = foreign.read(tmp_path / "out").encoder

    assert type(model).__name__ == "LayerLockModel"
    assert "trust_remote_code" in notes[0]
    assert (model.config.hidden_size, model.config.num_hidden_layers) == (24, 2)
    written.assert_same_weights(encoder, found)
    for shape in (encoder.clip_shape, (6, 8, 24)):
        clips = networks.clips(shape=shape)
        layers = encoder.layer_names
        features = export.features(tmp_path / "out", clips, layers)
        written.assert_same_features(features, encoder, clips, layers)


def test_the_architecture_of_vjepa_2_is_written_as_one(tmp_path):
    encoder = written.encoder(**VJEPA2)

    export, notes = written.write("transformers", tmp_path / "out", encoder)
    model = loaded(tmp_path / "out")
    found = foreign.read(tmp_path / "out")

    assert type(model).__name__ == "VJEPA2Model"
    assert "skip_predictor" in notes[1]
    assert not list((tmp_path / "out").glob("*.py"))
    written.assert_same_weights(encoder, found.encoder)
    assert found.predictor is None
    clips = networks.clips(shape=(6, 16, 16))
    layers = encoder.layer_names
    features = export.features(tmp_path / "out", clips, layers)
    written.assert_same_features(features, encoder, clips, layers)


def predictor_of(encoder):
    """A predictor that normalises as its encoder does."""
    predictor = LatentPredictor(
        encoder.hidden_dim,
        encoder.patch_dim,
        num_layers=2,
        num_heads=3,
        predictor_dim=36,
        num_mask_kinds=2,
        positions="rotary_tiled",
        name="predictor",
    )
    networks.randomise(predictor, seed=1)
    norms = {
        variable.name: networks.numpy(variable)
        for variable in encoder.output_norm.weights
    }
    for variable in predictor.weights:
        path = variable.path.split("/", 1)[1]
        if path.startswith("input_"):
            variable.assign(norms[path.removeprefix("input_")])
    return predictor


def test_a_predictor_of_vjepa_2_is_kept(tmp_path):
    encoder = written.encoder(**VJEPA2)
    predictor = predictor_of(encoder)

    _, notes = written.write(
        "transformers", tmp_path / "out", encoder, predictor=predictor
    )
    model = loaded(tmp_path / "out")
    found = networks.weights(foreign.read(tmp_path / "out").predictor)

    assert len(notes) == 1
    assert model.config.pred_num_hidden_layers == 2
    for path, value in networks.weights(predictor).items():
        if not path.startswith("pixel_head"):  # the original has none
            assert np.array_equal(found[path], value), path


def test_a_predictor_with_a_norm_of_its_own_is_left_out_with_a_note(tmp_path):
    encoder = written.encoder(**VJEPA2)
    predictor = predictor_of(encoder)
    networks.randomise(predictor, seed=2)

    _, notes = written.write(
        "transformers", tmp_path / "out", encoder, predictor=predictor
    )

    assert "skip_predictor" in notes[1]


PROGRAM = """
import sys
from transformers import AutoModel
import torch
model = AutoModel.from_pretrained(sys.argv[1], trust_remote_code=True)
pixels = torch.zeros(1, 2, 3, 8, 16)
print(tuple(model(pixels).last_hidden_state.shape))
assert not {"layerlock", "keras"} & set(sys.modules)
"""


@pytest.mark.slow
def test_neither_layerlock_nor_keras_is_needed(tmp_path):
    encoder = written.encoder()
    written.write("transformers", tmp_path / "out", encoder)

    finished = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "out")],
        env={**os.environ, "PYTHONPATH": ""},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )

    assert finished.stdout.strip() == "(1, 2, 24)", finished.stderr


@pytest.mark.parametrize("module", ["positions", "encoder", "transformers"])
def test_exported_code_imports_nothing_of_layerlock(module):
    code = room.portable_code(module)

    compile(code, module, "exec")
    assert "layerlock.backends" not in code
    assert ("_layerlock import" in code) == (module != "positions")


def test_clips_that_are_no_squares_are_not_cropped(tmp_path):
    """The library's processor would fill up a wide crop with black."""
    encoder = written.encoder(clip_shape=(4, 16, 32), **VJEPA2)

    _, notes = written.write("transformers", tmp_path / "out", encoder)

    assert any("Resize clips to 16x32" in note for note in notes)
    content = json.loads((tmp_path / "out" / room.PROCESSOR).read_text())
    assert not content["do_resize"] and not content["do_center_crop"]


def test_a_predictor_that_the_format_lacks_is_left_out_with_a_note(tmp_path):
    encoder = written.encoder()
    predictor = LatentPredictor.for_encoder(encoder)

    _, notes = written.write(
        "transformers", tmp_path / "out", encoder, predictor=predictor
    )

    assert room.NO_PREDICTOR_NOTE in notes
