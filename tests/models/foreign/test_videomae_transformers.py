"""VideoMAE against transformers itself."""

import keras
import numpy as np
import pytest

from layerlock.models import foreign
from tests.models import networks
from tests.models.foreign import files, originals, outputs

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="transformers runs on PyTorch"
)

SIZES = {
    "patch_size": 4,
    "tubelet_size": 2,
    "image_size": 8,
    "num_frames": 4,
    "hidden_size": 48,
    "num_attention_heads": 3,
    "num_hidden_layers": 2,
    "intermediate_size": 64,
    "decoder_hidden_size": 24,
    "decoder_num_attention_heads": 3,
    "decoder_num_hidden_layers": 1,
    "decoder_intermediate_size": 32,
    "use_mean_pooling": False,
}


def original(folder, name="VideoMAEModel", **changes):
    sizes = {**SIZES, **changes}
    return originals.save(folder, name, "VideoMAEConfig", **sizes)


def layers_of(model, clips):
    """Embedding, the output of each block, and the last norm if any."""
    import torch

    with torch.no_grad():
        output = model(originals.pixels(clips), output_hidden_states=True)
    layers = [x.numpy() for x in output.hidden_states]
    if model.layernorm is not None:
        layers.append(output.last_hidden_state.numpy())
    return layers


def assert_equal(encoder, model, shape):
    clips = networks.clips(batch=2, shape=shape)
    outputs.assert_layers(encoder, clips, layers_of(model, clips), 1e-5)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"num_frames": 6, "image_size": [12, 8]},
        {"use_mean_pooling": True, "qv_bias": False},
        {"layer_norm_eps": 1e-3, "hidden_act": "gelu_new"},
    ],
)
def test_every_layer_equals_that_of_transformers(changes, tmp_path):
    model = original(tmp_path, **changes)
    config = model.config
    size = np.broadcast_to(config.image_size, 2).tolist()

    encoder = foreign.read(tmp_path).encoder

    assert encoder.clip_shape == (config.num_frames, *size)
    assert_equal(encoder, model, encoder.clip_shape)


@pytest.mark.parametrize("frames, size", [(8, 8), (4, 16), (2, 12)])
def test_other_sizes_are_those_of_an_original_of_that_size(
    frames, size, tmp_path
):
    """Its table is that of the number of the token, for every size."""
    original(tmp_path / "small")
    model = original(tmp_path / "other", num_frames=frames, image_size=size)

    encoder = foreign.read(tmp_path / "small").encoder

    assert_equal(encoder, model, (frames, size, size))


@pytest.mark.parametrize(
    "name, left_out",
    [
        ("VideoMAEForPreTraining", ("decoder.*", "encoder_to_decoder.*")),
        ("VideoMAEForVideoClassification", ("fc_norm.*", "classifier.*")),
    ],
)
def test_an_encoder_with_a_task_is_imported_without_it(
    name, left_out, tmp_path
):
    pooled = name.endswith("Classification")
    model = original(tmp_path, name, use_mean_pooling=pooled)

    imported = foreign.read(tmp_path)

    assert_equal(imported.encoder, model.videomae, (4, 8, 8))
    notes = "\n".join(imported.notes)
    assert all(pattern in notes for pattern in left_out)


def test_biases_of_older_versions_have_other_names(tmp_path):
    model = original(tmp_path / "new")
    arrays = {k: v.detach().numpy() for k, v in model.state_dict().items()}
    older = {
        k.replace("query.bias", "q_bias").replace("value.bias", "v_bias"): v
        for k, v in arrays.items()
    }
    folder = files.write_folder(tmp_path / "old", older, model.config.to_dict())

    encoder = foreign.read(folder).encoder

    assert_equal(encoder, model, (4, 8, 8))
