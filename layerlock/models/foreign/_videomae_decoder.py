"""VideoMAE's decoder of pixels, in the files of its authors."""

import re

from layerlock.models.foreign import _arrays, _vit
from layerlock.models.foreign.base import Network

_EMBEDDING = "encoder_to_decoder.weight"
_HEADS = {192: 3, 384: 6, 512: 8, 640: 8}  # of each width
_LATENT_HEAD = ("latent_head_1/kernel", "latent_head_1/bias")
NOTE = (
    "The original's decoder predicts pixels alone. LayerLock's head for "
    "features begins at random. `objective=mae` goes on with this decoder by "
    "`objective_args=predictor=transformer,normalize_pixels=channels`; without "
    "the first, the last blocks of the encoder decode, and the second is the "
    "original's normalisation of its targets."
)
OF_TRANSFORMERS = (
    "its norm adds 1e-5 to variances and its blocks another epsilon, which "
    "LayerLock's predictor cannot express; the files of the authors have one "
    "epsilon"
)


def has_decoder(checkpoint, start: str) -> bool:
    """Whether a file of the authors has a decoder.

    Args:
        checkpoint: a `Checkpoint`.
        start: str, what precedes the names of its arrays.
    """
    return f"{start}{_EMBEDDING}" in checkpoint.shapes


def of_original(checkpoint, start: str, trunk, norm: str, attention) -> Network:
    """Returns the decoder as a predictor.

    Args:
        checkpoint, start: as for `has_decoder`.
        trunk: `Network` of the encoder.
        norm: str, what precedes the names of the encoder's last norm.
        attention: function from the start of a block's names to the arrays of
            q, k and v.
    """
    blocks = f"{start}decoder.blocks."
    num_layers = checkpoint.count(rf"{re.escape(blocks)}(\d+)\.")
    width = checkpoint.shape(f"{start}{_EMBEDDING}", 2)[0]
    config = {
        "hidden_dim": trunk.config["hidden_dim"],
        "patch_dim": checkpoint.shape(f"{start}decoder.head.weight", 2)[0],
        "num_layers": num_layers,
        "num_heads": _HEADS.get(width),
        "predictor_dim": width,
        "mlp_dim": checkpoint.shape(f"{blocks}0.mlp.fc1.weight", 2)[0],
        "positions": "sincos_flat",
    }
    arrays = {
        **_vit.timm_blocks(num_layers, blocks, attention),
        "mask_tokens": _arrays.matrix(f"{start}mask_token"),
        **_vit.norm("input_norm", norm),
        "embedding/kernel": _arrays.transposed(f"{start}{_EMBEDDING}"),
        "embedding/bias": _arrays.zeros(width),
        **_vit.norm("output_norm", f"{start}decoder.norm"),
        **_vit.linear("pixel_head", f"{start}decoder.head"),
    }
    return Network(config, arrays, initial=_LATENT_HEAD)
