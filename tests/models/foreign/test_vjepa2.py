"""V-JEPA 2: Meta's file and transformers' folder, against NumPy."""

import numpy as np
import pytest

from layerlock.models import foreign
from tests.models import networks
from tests.models.foreign import files, outputs, vjepa_files
from tests.reference import encoder as reference, vjepa

HEADS = {"num_heads": 3, "predictor_heads": 3}


@pytest.fixture
def checkpoint(tmp_path):
    """The file of a run of Meta's, with what else it holds."""
    pytest.importorskip("torch")
    parts = {
        "encoder": vjepa_files.encoder(0),
        "target_encoder": vjepa_files.encoder(1),
        "predictor": vjepa_files.predictor(2),
    }
    table = np.zeros((1, 8, 48), "float32")
    saved = {k: dict(v) for k, v in parts.items()}
    for name in ("encoder", "target_encoder"):
        saved[name]["module.backbone.pos_embed"] = table
    saved["predictor"]["module.backbone.predictor_pos_embed"] = table
    path = files.write_pt(
        tmp_path / "vitl.pt",
        saved,
        opt={"state": {0: {"step": 1}}},
        scaler=None,
        epoch=3,
        loss=np.float64(0.5),
    )
    return path, {k: vjepa_files.plain(v) for k, v in parts.items()}


def assert_features(encoder, weights, shape):
    clips = networks.clips(batch=1, shape=shape)
    positions = reference.token_positions(encoder.grid(shape))
    wanted = vjepa.features(weights, 3, clips[0], positions, "tiled")
    outputs.assert_layers(encoder, clips, wanted)


@pytest.mark.parametrize("shape", [(4, 8, 12), (6, 16, 8)])
def test_features_of_metas_file_equal_the_reference(checkpoint, shape):
    path, parts = checkpoint

    imported = foreign.read(path, **HEADS)

    assert_features(imported.encoder, parts["encoder"], shape)
    assert_features(imported.teacher, parts["target_encoder"], shape)
    assert imported.exported_encoder is imported.teacher


def test_predictions_of_metas_file_equal_the_reference(checkpoint):
    path, parts = checkpoint
    visible, hidden = np.int32([7, 0, 3]), np.int32([1, 6, 4, 2])
    generator = np.random.default_rng(0)
    tokens = generator.normal(size=(1, 3, 48)).astype("float32")

    imported = foreign.read(path, clip_shape=(4, 8, 8), **HEADS)
    predicted = outputs.predict(
        imported, tokens, visible[None], hidden[None], 2, mask_kind=7
    )

    positions = imported.encoder.token_positions()
    expected = vjepa.predict(
        parts["predictor"],
        3,
        vjepa.norm(tokens[0], parts["encoder"], "norm"),
        positions[np.concatenate([visible, hidden])],
        7,
        "tiled",
    )
    networks.assert_close(predicted[0], expected, 1e-4)


def test_what_is_left_out_is_told(checkpoint):
    path, _ = checkpoint

    imported = foreign.read(path, **HEADS)

    notes = "\n".join(imported.notes)
    assert "*pos_embed (3 arrays) left out: V-JEPA 2 rotates" in notes
    assert "has no head for pixels" in notes
    facts = imported.source.facts()
    assert facts["family"] == "vjepa2"
    assert len(facts["sha256"]["vitl.pt"]) == 64


def test_a_network_alone_is_an_encoder(tmp_path):
    pytest.importorskip("torch")
    weights = vjepa_files.encoder(0)
    path = tmp_path / "encoder.safetensors"
    files.write_safetensors(path, vjepa_files.plain(weights))

    imported = foreign.read(path, num_heads=3)

    assert imported.predictor is None
    assert_features(imported.encoder, vjepa_files.plain(weights), (4, 8, 8))


@pytest.mark.parametrize("section", ["state_dict", "model", "module"])
def test_a_network_that_was_stored_alone_is_an_encoder(tmp_path, section):
    pytest.importorskip("torch")
    weights = vjepa_files.encoder(0, depth=1)
    path = files.write_pt(tmp_path / "vitl.pth", {section: weights}, epoch=1)

    imported = foreign.read(path, num_heads=3)

    assert imported.source.family == "vjepa2"
    assert_features(imported.encoder, vjepa_files.plain(weights), (4, 8, 8))


@pytest.mark.parametrize(
    "change, message",
    [
        ({"blocks.1.norm1.bias": None}, r"Missing: blocks.1.norm1.bias\."),
        ({"head.weight": np.zeros(3, "float32")}, "Unknown: head.weight"),
        (
            {"blocks.0.mlp.fc2.bias": np.zeros(9, "float32")},
            r"blocks.0.mlp.fc2.bias in .* is \(9,\). Expected \(48,\)",
        ),
        (
            {"blocks.0.mlp.fc3.weight": np.zeros((4, 4), "float32")},
            "gated MLPs",
        ),
        ({"blocks.7.norm1.bias": np.zeros(48, "float32")}, "numbered from 0"),
        (
            {"patch_embed.proj.weight": np.zeros((48, 4, 2, 4, 4), "float32")},
            "clips of 4 channels",
        ),
    ],
)
def test_arrays_that_do_not_fit_are_listed(change, message, tmp_path):
    arrays = vjepa_files.plain(vjepa_files.encoder(0)) | change
    arrays = {k: v for k, v in arrays.items() if v is not None}
    path = tmp_path / "encoder.safetensors"
    files.write_safetensors(path, arrays)

    with pytest.raises(ValueError, match=message):
        foreign.read(path, num_heads=3)


@pytest.mark.parametrize("width", [48, 64])
def test_heads_of_widths_that_are_not_published_are_asked_for(tmp_path, width):
    arrays = vjepa_files.encoder(0, depth=1, width=width)
    path = tmp_path / "encoder.safetensors"
    files.write_safetensors(path, vjepa_files.plain(arrays))

    with pytest.raises(ValueError, match="Pass `num_heads`"):
        foreign.read(path)


def test_a_predictor_of_actions_is_left_out(tmp_path):
    pytest.importorskip("torch")
    actions = {"module.action_encoder.weight": np.zeros((4, 7), "float32")}
    path = files.write_pt(
        tmp_path / "ac.pt",
        {"encoder": vjepa_files.encoder(0), "predictor": actions},
    )

    imported = foreign.read(path, num_heads=3)

    assert imported.predictor is None
    assert "without mask tokens" in "\n".join(imported.notes)


def test_heads_of_a_predictor_that_is_not_published_are_told(checkpoint):
    path, _ = checkpoint

    imported = foreign.read(path, num_heads=3)

    assert imported.predictor.num_heads == 12
    assert "pass `predictor_heads`" in "\n".join(imported.notes)


@pytest.mark.parametrize("name", ["opt", "optimizer", "scaler", "rng_state"])
@pytest.mark.parametrize("section", ["encoder", "target_encoder"])
def test_what_programs_store_beside_networks_is_left_out(
    tmp_path, section, name
):
    pytest.importorskip("torch")
    state = {"exp_avg": np.ones(3, "float32")}
    path = files.write_pt(
        tmp_path / "vitl.pt",
        {section: vjepa_files.encoder(0, depth=1), name: state},
    )

    imported = foreign.read(path, num_heads=3)

    assert f"{name}/* (1 arrays) left out" in "\n".join(imported.notes)


@pytest.mark.parametrize(
    "section, start, message",
    [
        ("target_encoder", "blocks.1.", r"num_layers.*\(2, 1\)"),
        ("predictor", "mask_tokens.0", "mask tokens of .* not numbered"),
        ("predictor", "mask_tokens.3", "mask tokens of .* not numbered"),
    ],
)
def test_networks_without_a_part_are_refused(section, start, message, tmp_path):
    """A shallower moving average would be taken for the whole."""
    pytest.importorskip("torch")
    parts = {
        "encoder": vjepa_files.encoder(0),
        "target_encoder": vjepa_files.encoder(1),
        "predictor": vjepa_files.predictor(2),
    }
    first = vjepa_files.PREFIX + start
    parts[section] = {
        k: v for k, v in parts[section].items() if not k.startswith(first)
    }
    path = files.write_pt(tmp_path / "vitl.pt", parts)

    with pytest.raises(ValueError, match=message):
        foreign.read(path, **HEADS)
