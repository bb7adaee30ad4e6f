"""V-JEPA 2 against transformers itself."""

import json

import keras
import numpy as np
import pytest

from layerlock.models import foreign
from tests.models import networks
from tests.models.foreign import originals, outputs

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="transformers runs on PyTorch"
)

SIZES = {
    "patch_size": 4,
    "tubelet_size": 2,
    "crop_size": 8,
    "frames_per_clip": 4,
    "hidden_size": 48,
    "num_attention_heads": 3,
    "num_hidden_layers": 2,
    "mlp_ratio": 2.0,
    "pred_hidden_size": 36,
    "pred_num_attention_heads": 3,
    "pred_num_hidden_layers": 2,
    "pred_num_mask_tokens": 4,
    "num_pooler_layers": 1,
}


def original(folder, name="VJEPA2Model", **changes):
    sizes = {**SIZES, **changes}
    return originals.save(folder, name, "VJEPA2Config", **sizes)


def hidden_states(model, clips):
    """Embedding, the output of each block, and the normalised last one."""
    import torch

    encoder, found = model.encoder, []

    def keep(_, __, output):
        found.append(output[0] if isinstance(output, tuple) else output)

    hooks = [
        part.register_forward_hook(keep)
        for part in (encoder.embeddings, *encoder.layer, encoder.layernorm)
    ]
    with torch.no_grad():
        encoder(originals.pixels(clips))
    for hook in hooks:
        hook.remove()
    return [x.numpy() for x in found]


@pytest.mark.parametrize(
    "frames, size, heads", [(4, 8, 3), (6, 8, 3), (4, 12, 3), (4, 8, 12)]
)
def test_every_layer_equals_that_of_transformers(tmp_path, frames, size, heads):
    """Its positions are those of the size that its configuration names."""
    model = original(tmp_path, crop_size=size, num_attention_heads=heads)
    clips = networks.clips(batch=2, shape=(frames, size, size))

    encoder = foreign.read(tmp_path).encoder

    outputs.assert_layers(encoder, clips, hidden_states(model, clips), 1e-5)


def test_a_size_that_the_file_does_not_name_is_counted_in_rows(tmp_path):
    original(tmp_path / "small", crop_size=8)
    model = original(tmp_path / "large", crop_size=16)
    clips = networks.clips(batch=1, shape=(4, 16, 16))

    encoder = foreign.read(tmp_path / "small").encoder

    wanted = hidden_states(model, clips)[-1]
    features = encoder.features(clips, ["final_norm"])["final_norm"]
    networks.assert_close(
        networks.numpy(features).reshape(wanted.shape), wanted, 1e-5
    )


@pytest.mark.parametrize("changes", [{}, {"qkv_bias": False}])
def test_predictions_equal_those_of_transformers(tmp_path, changes):
    import torch

    model = original(tmp_path, **changes)
    clips = networks.clips(batch=2)[:, :, :8, :8]
    visible = np.int32([[7, 0, 3], [1, 2, 6]])
    hidden = np.int32([[1, 6, 4, 2], [0, 3, 4, 7]])
    with torch.no_grad():
        features = model.encoder(originals.pixels(clips)).last_hidden_state
        expected = model.predictor(
            features,
            [torch.tensor(visible).long()],
            [torch.tensor(hidden).long()],
        ).last_hidden_state.numpy()

    imported = foreign.read(tmp_path)
    tokens = hidden_states(model, clips)[-2]
    predicted = outputs.predict(
        imported,
        np.take_along_axis(tokens, visible[..., None], axis=1),
        visible,
        hidden,
        layer=2,
        mask_kind=1,
    )

    networks.assert_close(predicted, expected, 1e-5)


@pytest.mark.parametrize("depth", [0, 3])
def test_a_classifier_is_imported_with_its_readout(tmp_path, depth):
    import torch

    model = original(
        tmp_path,
        "VJEPA2ForVideoClassification",
        id2label={0: "up", 1: "down", 2: "left"},
        num_pooler_layers=depth,
    )
    clips = networks.clips(batch=2, shape=(4, 8, 8))

    imported = foreign.read(tmp_path)

    features = imported.encoder.features(clips)
    wanted = hidden_states(model.vjepa2, clips)[-1]
    networks.assert_close(
        networks.numpy(features["final_norm"]).reshape(wanted.shape),
        wanted,
        1e-5,
    )
    readout = imported.readout
    output = readout.network(features[readout.layer])
    with torch.no_grad():
        logits = model(originals.pixels(clips)).logits.numpy()
    networks.assert_close(output[:, 0], logits, 1e-4)
    assert readout.class_names == ("up", "down", "left")


def test_a_configuration_of_another_model_is_refused(tmp_path):
    """A file without its last block would be a smaller model."""
    original(tmp_path)
    path = tmp_path / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps(config | {"num_hidden_layers": 3}))

    with pytest.raises(ValueError, match="another model than its arrays"):
        foreign.read(tmp_path)


@pytest.mark.parametrize(
    "labels, found",
    [
        ({}, ()),
        ({"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"}, ()),
        ({"0": "up", "2": "left", "1": "down"}, ("up", "down", "left")),
        ({"0": "up", "1": "down"}, ()),
    ],
)
def test_classes_have_names_if_all_of_them_are_named(tmp_path, labels, found):
    original(tmp_path, "VJEPA2ForVideoClassification", num_labels=3)
    path = tmp_path / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps(config | {"id2label": labels}))

    assert foreign.read(tmp_path).readout.class_names == found


def test_a_configuration_of_version_2_1_is_refused(tmp_path):
    """Its rotation is another one, which arrays do not tell."""
    original(tmp_path)
    path = tmp_path / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps(config | {"use_rope_interleave": True}))

    with pytest.raises(ValueError, match="V-JEPA 2.1 of transformers"):
        foreign.read(tmp_path)


def test_shards_are_one_model(tmp_path):
    model = original(tmp_path / "whole")
    model.save_pretrained(tmp_path / "shards", max_shard_size="100KB")
    assert len(list((tmp_path / "shards").glob("*.safetensors"))) > 1
    clips = networks.clips(batch=1, shape=(4, 8, 8))

    whole, shards = (
        foreign.read(tmp_path / name).encoder.features(clips)["final_norm"]
        for name in ("whole", "shards")
    )

    np.testing.assert_array_equal(*map(networks.numpy, (whole, shards)))


def test_statistics_epsilon_and_activation_come_from_the_folder(tmp_path):
    model = original(
        tmp_path, layer_norm_eps=1e-3, hidden_act="gelu_pytorch_tanh"
    )
    (tmp_path / "video_preprocessor_config.json").write_text(
        '{"image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.25, 0.3]}'
    )

    imported = foreign.read(tmp_path)

    encoder = imported.encoder
    assert encoder.pixel_mean == (0.5, 0.4, 0.3)
    assert encoder.pixel_std == (0.2, 0.25, 0.3)
    assert encoder.epsilon == model.config.layer_norm_eps
    assert encoder.activation == "gelu_tanh"
    assert imported.predictor is None  # LayerLock's has the exact GELU
