"""VideoMAE: the files of versions 1 and 2 against NumPy."""

import argparse

import numpy as np
import pytest

from layerlock.models import foreign
from tests.models import networks
from tests.models.foreign import files, outputs, videomae_files
from tests.reference import encoder as encoder_reference, videomae as reference

HEADS = videomae_files.HEADS
PREFIXES = {
    "pretrained": ("model", ""),
    "distilled": ("module", ""),
    "finetuned": ("model", "module."),
    "hub": (None, "model."),
}


def write(folder, kind, arrays):
    """Writes arrays as the files of a kind hold them."""
    section, prefix = PREFIXES[kind]
    arrays = {prefix + name: value for name, value in arrays.items()}
    if section is None:
        config = {"model_type": "VideoMAEv2_Base", "model_config": {}}
        return files.write_folder(folder / "model", arrays, config)
    torch = pytest.importorskip("torch")
    return files.write_pt(
        folder / "checkpoint.pth",
        {section: arrays},
        optimizer={"state": {0: {"exp_avg": torch.zeros(3)}}},
        epoch=799,
        args=argparse.Namespace(model="vit_base_patch16_224"),
        scaler={"scale": 1.0},
    )


def assert_features(encoder, weights, shape):
    clips = networks.clips(batch=1, shape=shape)
    wanted = reference.features(weights, HEADS, clips[0])
    outputs.assert_layers(encoder, clips, wanted)


@pytest.mark.parametrize("kind", PREFIXES)
def test_features_equal_the_reference(kind, tmp_path):
    build = videomae_files.finetuned
    if kind == "pretrained":
        build = videomae_files.pretrained
    arrays = build()
    path = write(tmp_path, kind, arrays)

    imported = foreign.read(path, num_heads=HEADS, predictor_heads=2)

    encoder = imported.encoder
    assert imported.source.family == "videomae"
    assert encoder.final_norm == (kind == "pretrained")
    assert encoder.clip_shape == (16, 224, 224)
    assert encoder.pixel_mean == (0.485, 0.456, 0.406)
    for shape in ((4, 8, 8), (6, 12, 4)):
        assert_features(encoder, videomae_files.plain(arrays), shape)
    notes = "\n".join(imported.notes)
    assert ("decoder" if kind == "pretrained" else "fc_norm") in notes


def test_the_decoder_of_pixels_equals_the_reference(tmp_path):
    arrays = videomae_files.pretrained()
    path = write(tmp_path, "pretrained", arrays)
    visible, hidden = np.int32([7, 0, 3]), np.int32([1, 6, 4, 2])
    generator = np.random.default_rng(0)
    tokens = generator.normal(size=(1, 3, 48)).astype("float32")

    imported = foreign.read(
        path, num_heads=HEADS, predictor_heads=2, clip_shape=(4, 8, 8)
    )
    predicted = outputs.predict(
        imported, tokens, visible[None], hidden[None], 0
    )

    expected = reference.decode(arrays, 2, tokens[0], visible, hidden)
    networks.assert_close(predicted[0], expected, 1e-4)


def test_the_giant_of_version_2_has_patches_of_14_pixels(tmp_path):
    arrays = videomae_files.encoder(patch=(2, 14, 14))
    path = tmp_path / "vit_g.safetensors"
    files.write_safetensors(path, arrays)

    encoder = foreign.read(path, num_heads=HEADS).encoder

    assert encoder.grid() == (8, 16, 16)
    assert_features(encoder, arrays, (4, 28, 14))


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_a_stored_table_of_the_formula_is_left_out(tmp_path, dtype):
    arrays = videomae_files.encoder()
    table = encoder_reference.sincos_flat(np.arange(8), videomae_files.WIDTH)
    path = tmp_path / "vit.safetensors"
    files.write_safetensors(
        path, arrays | {"pos_embed": table[None].astype(dtype)}
    )

    imported = foreign.read(path, num_heads=HEADS)

    assert imported.source.family == "videomae"
    assert "pos_embed (1 arrays) left out" in "\n".join(imported.notes)
    assert_features(imported.encoder, arrays, (6, 8, 8))


def test_a_learned_table_is_read_in_the_order_of_tokens(tmp_path):
    """Its grid is that of the published clips: 16 frames of 224 pixels."""
    arrays = videomae_files.encoder(patch=(8, 112, 112), depth=1)
    generator = np.random.default_rng(0)
    table = generator.normal(size=(1, 8, 48)).astype("float32")
    path = tmp_path / "vit.safetensors"
    files.write_safetensors(path, arrays | {"pos_embed": table})

    encoder = foreign.read(path, num_heads=HEADS).encoder

    tokens = np.zeros((1, 8, 48), "float32")
    added = encoder.add_positions(tokens, encoder.token_positions()[None])
    np.testing.assert_array_equal(networks.numpy(added), table)


def test_keys_without_a_bias_are_exact(tmp_path):
    """The encoder's bias of k may have any value: softmax does not see it."""
    arrays = videomae_files.encoder()
    path = tmp_path / "vit.safetensors"
    files.write_safetensors(path, arrays)
    encoder = foreign.read(path, num_heads=HEADS).encoder

    bias = networks.numpy(encoder.blocks[0].qkv[1])

    width = videomae_files.WIDTH
    assert not bias[width : 2 * width].any()
    np.testing.assert_array_equal(bias[:width], arrays["blocks.0.attn.q_bias"])


@pytest.mark.parametrize(
    "change, message",
    [
        ({"pos_embed": np.zeros((1, 8, 48))}, "has 8 learned positions"),
        ({"blocks.0.attn.scale": np.zeros((3, 1, 1))}, "cosine attention"),
        ({"blocks.0.gamma_1": np.zeros(48)}, "scaled residuals"),
        ({"cls_token": np.zeros((1, 1, 48))}, "Unknown: cls_token"),
        ({"blocks.1.attn.v_bias": None}, r"Missing: blocks.1.attn.v_bias\."),
        (
            {"patch_embed.proj.weight": np.zeros((48, 4, 2, 4, 4))},
            "clips of 4 channels",
        ),
    ],
)
def test_arrays_that_do_not_fit_are_named(change, message, tmp_path):
    arrays = videomae_files.encoder() | change
    arrays = {
        k: np.asarray(v, "float32") for k, v in arrays.items() if v is not None
    }
    path = tmp_path / "vit.safetensors"
    files.write_safetensors(path, arrays)

    with pytest.raises(ValueError, match=message):
        foreign.read(path, family="videomae", num_heads=HEADS)


def test_unknown_heads_are_asked_for(tmp_path):
    path = tmp_path / "vit.safetensors"
    files.write_safetensors(path, videomae_files.encoder())

    with pytest.raises(ValueError, match="Pass `num_heads`"):
        foreign.read(path)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"hidden_size": 96}, "describes another model"),
        ({"image_size": [8, 8, 8]}, "Expected one number, or height and width"),
        ({"num_frames": 0}, "'num_frames' in config.json"),
        ({"num_frames": 10**12}, "frames or pixels from 1 to 65,536"),
        ({"layer_norm_eps": float("nan")}, "'layer_norm_eps' in config.json"),
        ({"layer_norm_eps": -1e-6}, "a number from 0 to 1"),
        ({"hidden_act": "relu"}, "names the activation 'relu'"),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused(
    changes, message, tmp_path
):
    folder = files.write_folder(
        tmp_path / "model",
        videomae_files.of_transformers(videomae_files.encoder()),
        {**videomae_files.CONFIG, **changes},
    )

    with pytest.raises(ValueError, match=message):
        foreign.read(folder)


def of_hub(folder, **model_config):
    """A folder of version 2, which names what arrays do not tell."""
    arrays = {f"model.{k}": v for k, v in videomae_files.encoder().items()}
    config = {"model_type": "VideoMAEv2_Base", "model_config": model_config}
    return files.write_folder(folder, arrays, config)


def test_version_2_of_the_hub_names_heads_epsilon_and_clips(tmp_path):
    folder = of_hub(
        tmp_path / "model",
        num_heads=HEADS,
        layer_norm_eps=1e-3,
        img_size=8,
        num_frames=4,
    )

    encoder = foreign.read(folder).encoder

    assert encoder.num_heads == HEADS
    assert encoder.epsilon == 1e-3
    assert encoder.clip_shape == (4, 8, 8)


@pytest.mark.parametrize(
    "name, value",
    [
        ("num_heads", "many"),
        ("layer_norm_eps", float("nan")),
        ("img_size", 10**12),
    ],
)
def test_wrong_entries_of_version_2_are_named(tmp_path, name, value):
    with pytest.raises(ValueError, match=f"'{name}' in `model_config`"):
        foreign.read(of_hub(tmp_path / "model", **{name: value}))
