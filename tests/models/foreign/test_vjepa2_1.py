"""V-JEPA 2.1: Meta's file against NumPy."""

import numpy as np
import pytest

from layerlock.models import foreign
from tests.models import networks
from tests.models.foreign import files, outputs, vjepa_files
from tests.reference import encoder as reference, vjepa


def checkpoint(path, teacher="target_encoder", **more):
    pytest.importorskip("torch")
    parts = {
        "encoder": vjepa_files.encoder(0, depth=4, levels=4),
        teacher: vjepa_files.encoder(1, depth=4, levels=4),
        "predictor": vjepa_files.predictor_of_levels(2),
        **more,
    }
    files.write_pt(path, parts, epoch=1)
    return {k: vjepa_files.plain(v) for k, v in parts.items()}


@pytest.mark.parametrize("teacher", ["target_encoder", "ema_encoder"])
@pytest.mark.parametrize("shape", [(4, 8, 8), (6, 24, 4)])
def test_features_equal_the_reference(tmp_path, teacher, shape):
    """Rows and columns are counted from 0 to those of 256 pixels."""
    path = tmp_path / "vitb.pt"
    parts = checkpoint(path, teacher)
    clips = networks.clips(batch=1, shape=shape)

    imported = foreign.read(path, num_heads=3)

    assert imported.source.family == "vjepa2_1"
    for encoder, name in (
        (imported.encoder, "encoder"),
        (imported.teacher, teacher),
    ):
        grid = encoder.grid(shape)
        positions = reference.scaled(
            reference.token_positions(grid), grid, (1, 64, 64)
        )
        wanted = vjepa.features(
            parts[name],
            3,
            clips[0],
            positions,
            "interleaved",
            np.ravel(parts[name]["video_mod_embed"]),
        )
        outputs.assert_layers(encoder, clips, wanted)


def test_predictions_of_a_distilled_encoder_equal_the_reference(tmp_path):
    """Its predictor reads one level, and predicts a wider teacher."""
    path = tmp_path / "vitb.pt"
    parts = checkpoint(
        path, "ema_encoder", predictor=vjepa_files.distilled_predictor(2)
    )
    visible, hidden = np.int32([7, 0, 3]), np.int32([1, 6, 4, 2])
    generator = np.random.default_rng(0)
    tokens = generator.normal(size=(1, 3, 48)).astype("float32")

    imported = foreign.read(
        path, num_heads=3, predictor_heads=3, clip_shape=(4, 8, 8)
    )
    predicted = outputs.predict(
        imported, tokens, visible[None], hidden[None], 2, mask_kind=5
    )

    order = np.concatenate([visible, hidden])
    positions = imported.encoder.token_positions()
    expected = vjepa.predict(
        parts["predictor"],
        3,
        vjepa.norm(tokens[0], parts["encoder"], "norms_block.3"),
        reference.scaled(positions, (2, 2, 2), (1, 64, 64))[order],
        5,
        "interleaved",
        np.ravel(parts["predictor"]["video_mod_embed"]),
    )
    networks.assert_close(predicted[0], expected, 1e-4)
    notes = "\n".join(imported.notes)
    assert "predictor_proj_context.* (2 arrays) left out: predictions" in notes
    assert "predicts features 96 wide" in notes


def test_what_cannot_be_expressed_is_told_by_name(tmp_path):
    path = tmp_path / "vitb.pt"
    large = vjepa_files.encoder(3, width=96, levels=4)
    checkpoint(path, "ema_encoder", target_encoder=large)

    imported = foreign.read(path, num_heads=3)

    notes = "\n".join(imported.notes)
    for name in (
        "patch_embed_img",
        "img_mod_embed",
        "arrays) left out: it reads four levels of the encoder",
        "norms_block.0",
        "target_encoder/*",
    ):
        assert name in notes
    assert imported.predictor is None
    assert imported.teacher is not None


def test_registers_and_class_tokens_are_refused_by_name(tmp_path):
    arrays = vjepa_files.plain(vjepa_files.encoder(0, levels=4))
    arrays["cls_token"] = np.ones((1, 1, 48), "float32")
    path = tmp_path / "encoder.safetensors"
    files.write_safetensors(path, arrays)

    with pytest.raises(ValueError, match=r"class token \(cls_token\)"):
        foreign.read(path, num_heads=3)
