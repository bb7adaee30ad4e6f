"""Known encoders that cannot be expressed are refused with the reason."""

import numpy as np
import pytest

from layerlock.models import foreign
from tests.models.foreign import files, scaling4d_files

REASONS = {
    "DINOv2": "encodes every picture alone, and its class token",
    "DINOv3": "its register tokens",
    "RVM": "It is recurrent",
    "VideoPrism": "attention is factorised",
}


@pytest.mark.parametrize(
    "name, arrays",
    [
        ("DINOv2", ("cls_token", "pos_embed", "blocks.0.ls1.gamma")),
        (
            "DINOv2",  # of transformers
            (
                "embeddings.cls_token",
                "embeddings.position_embeddings",
                "encoder.layer.0.layer_scale1.lambda1",
            ),
        ),
        ("DINOv3", ("cls_token", "storage_tokens", "blocks.0.ls1.gamma")),
        ("DINOv3", ("embeddings.cls_token", "layer.0.layer_scale1.lambda1")),
        ("RVM", ("tokenizer/patch_embedding/kernel", "rnn_core/x/kernel")),
        (
            "VideoPrism",
            ("params/spatial_encoder/x/w", "params/temporal_encoder/x/w"),
        ),
    ],
)
@pytest.mark.parametrize("family", [None, "videomae"])
def test_it_is_refused_by_name(name, arrays, family, tmp_path):
    path = tmp_path / "weights.safetensors"
    arrays = {key: np.zeros(3, "float32") for key in arrays}
    files.write_safetensors(path, arrays)

    with pytest.raises(ValueError, match=f"holds {name},") as error:
        foreign.read(path, family=family)

    assert REASONS[name] in str(error.value)


def test_others_are_not_refused(tmp_path):
    path = tmp_path / "weights.npz"
    np.savez(path, **scaling4d_files.encoder())

    assert foreign.read(path).encoder.num_layers == scaling4d_files.DEPTH
