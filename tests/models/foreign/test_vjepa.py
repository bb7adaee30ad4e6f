"""V-JEPA of 2024: Meta's file against NumPy."""

import numpy as np
import pytest

from layerlock.models import foreign
from tests.models import networks
from tests.models.foreign import files, outputs, vjepa_files
from tests.reference import encoder as reference, vjepa

GRID = (2, 3, 3)
HEADS = 4


def table(uniform, width):
    positions = reference.token_positions(GRID)
    return reference.sincos_vjepa(positions, width, uniform)


def checkpoint(path, uniform=True, masks=2, predictor=True):
    """The file of a run of Meta's; its positions are a stored table."""
    pytest.importorskip("torch")
    parts = {
        "encoder": vjepa_files.encoder(0, width=64),
        "target_encoder": vjepa_files.encoder(1, width=64),
    }
    if predictor:
        parts["predictor"] = vjepa_files.predictor(2, 64, width=64, masks=masks)
    saved = {k: dict(v) for k, v in parts.items()}
    for name, arrays in saved.items():
        key = "predictor_pos_embed" if name == "predictor" else "pos_embed"
        stored = table(uniform, 64)[None].astype("float32")
        arrays[f"module.backbone.{key}"] = stored
    files.write_pt(path, saved, epoch=1)
    return {k: vjepa_files.plain(v) for k, v in parts.items()}


@pytest.mark.parametrize("uniform", [True, False])
@pytest.mark.parametrize("shape", [(4, 12, 12), (8, 16, 8)])
def test_features_equal_the_reference(tmp_path, uniform, shape):
    path = tmp_path / "vitl16.pth.tar"
    parts = checkpoint(path, uniform)
    clips = networks.clips(batch=1, shape=shape)

    imported = foreign.read(path, num_heads=HEADS)

    assert imported.source.family == "vjepa"
    assert imported.encoder.clip_shape == (4, 12, 12)
    grid = imported.encoder.grid(shape)
    added = vjepa.interpolated(table(uniform, 64).reshape(*GRID, 64), grid)
    for encoder, name in (
        (imported.encoder, "encoder"),
        (imported.teacher, "target_encoder"),
    ):
        wanted = vjepa.features(
            parts[name], HEADS, clips[0], None, None, added.reshape(-1, 64)
        )
        outputs.assert_layers(encoder, clips, wanted)


def test_predictions_equal_the_reference(tmp_path):
    path = tmp_path / "vitl16.pth.tar"
    parts = checkpoint(path)
    visible, hidden = np.int32([7, 0, 3]), np.int32([1, 6, 17, 2])
    generator = np.random.default_rng(0)
    tokens = generator.normal(size=(1, 3, 64)).astype("float32")

    imported = foreign.read(path, num_heads=HEADS)
    predicted = outputs.predict(
        imported, tokens, visible[None], hidden[None], 2, mask_kind=1
    )

    order = np.concatenate([visible, hidden])
    positions = imported.encoder.token_positions()
    expected = vjepa.predict(
        parts["predictor"],
        HEADS,
        vjepa.norm(tokens[0], parts["encoder"], "norm"),
        positions[order],
        1,
        None,
        table(True, 64)[order],
    )
    networks.assert_close(predicted[0], expected, 1e-4)


def test_a_table_that_is_no_formula_is_refused(tmp_path):
    arrays = vjepa_files.plain(vjepa_files.encoder(0))
    arrays["pos_embed"] = np.ones((1, 18, 48), "float32")
    path = tmp_path / "encoder.safetensors"
    files.write_safetensors(path, arrays)

    with pytest.raises(ValueError, match="no table of sines and cosines"):
        foreign.read(path, family="vjepa", num_heads=HEADS)


def test_a_file_of_either_version_asks_for_the_family(tmp_path):
    """V-JEPA 2's files have the table too, which it does not read."""
    path = tmp_path / "encoder.pt"
    checkpoint(path, predictor=False)

    with pytest.raises(ValueError, match=r"each of \['vjepa', 'vjepa2'\]"):
        foreign.read(path, num_heads=HEADS)
    with_many = tmp_path / "other.pt"
    checkpoint(with_many, masks=10)
    imported = foreign.read(with_many, num_heads=HEADS, predictor_heads=HEADS)
    assert imported.source.family == "vjepa2"


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_a_network_in_16_bits_is_read(tmp_path, dtype):
    """The stored table of positions is rounded; the formula is not."""
    torch = pytest.importorskip("torch")
    arrays = vjepa_files.plain(vjepa_files.encoder(0, depth=1))
    arrays["pos_embed"] = table(True, 48)[None].astype("float32")
    tensors = {
        name: torch.from_numpy(value).to(getattr(torch, dtype))
        for name, value in arrays.items()
    }
    torch.save({"target_encoder": tensors}, tmp_path / "vitl16.pth.tar")
    clips = networks.clips(batch=1, shape=(4, 12, 12))

    encoder = foreign.read(
        tmp_path / "vitl16.pth.tar", family="vjepa", num_heads=3
    ).encoder

    stored = {k: v.float().numpy() for k, v in tensors.items()}
    wanted = vjepa.features(stored, 3, clips[0], None, None, table(True, 48))
    outputs.assert_layers(encoder, clips, wanted)


def test_a_table_of_two_clips_is_refused(tmp_path):
    arrays = vjepa_files.plain(vjepa_files.encoder(0, depth=1))
    both = np.stack([table(True, 48)] * 2).astype("float32")
    files.write_safetensors(
        tmp_path / "a.safetensors", arrays | {"pos_embed": both}
    )

    with pytest.raises(ValueError, match="no table of sines and cosines"):
        foreign.read(tmp_path / "a.safetensors", family="vjepa", num_heads=3)


@pytest.mark.parametrize("width", [1408, 1664])
def test_the_largest_encoders_have_16_heads(tmp_path, width):
    """V-JEPA 2 has 22 and 26 at these widths."""
    pytest.importorskip("torch")
    arrays = vjepa_files.encoder(0, depth=1, width=width, mlp=8)
    stored = table(True, width)[None].astype("float32")
    arrays["module.backbone.pos_embed"] = stored
    files.write_pt(tmp_path / "vitg.pt", {"encoder": arrays}, epoch=1)

    imported = foreign.read(tmp_path / "vitg.pt", family="vjepa")

    assert imported.encoder.num_heads == 16
