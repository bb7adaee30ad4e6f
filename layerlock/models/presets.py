"""Sizes of the published networks, and of two small encoders for CPUs."""

import math

_SIZES = {  # width, blocks, MLP, heads
    "video_vit_nano": (96, 8, 384, 4),
    "video_vit_tiny": (192, 12, 768, 3),
    "video_vit_small": (384, 12, 1536, 6),
    "video_vit_base": (768, 12, 3072, 12),
    "video_vit_large": (1024, 24, 4096, 16),
    "video_vit_huge": (1280, 32, 5120, 16),
    "video_vit_giant": (1408, 40, 6144, 16),
    "video_vit_gigantic": (1664, 48, 8192, 16),
    "video_vit_enormous": (1792, 56, 15360, 16),
}
_CLIPS = {  # frames, rows, columns of a patch and of a clip; decoder blocks
    "video_vit_nano": ((2, 8, 8), (8, 32, 32), 2),
    "video_vit_tiny": ((2, 8, 8), (16, 64, 64), 4),
}
_PAPER_CLIP = ((2, 16, 16), (16, 224, 224), 4)


def _preset(name: str) -> dict:
    width, blocks, mlp, heads = _SIZES[name]
    patch_size, clip_shape, num_decoder_layers = _CLIPS.get(name, _PAPER_CLIP)
    return {
        "num_layers": blocks,
        "num_heads": heads,
        "hidden_dim": width,
        "mlp_dim": mlp,
        "patch_size": patch_size,
        "clip_shape": clip_shape,
        "num_decoder_layers": num_decoder_layers,
    }


PRESETS = {name: _preset(name) for name in _SIZES}


def num_parameters(
    num_layers: int, hidden_dim: int, mlp_dim: int, patch_size, **_
) -> int:
    """Counts the parameters of the blocks and of the patch embedding.

    Allocates nothing. Takes the arguments of a preset, and ignores arguments
    that change no parameter. Additive positions are not counted.

    >>> num_parameters(**PRESETS["video_vit_base"])
    86234880
    """
    norms = 2 * 2 * hidden_dim
    attention = 4 * hidden_dim * (hidden_dim + 1)
    mlp = 2 * hidden_dim * mlp_dim + mlp_dim + hidden_dim
    patch_dim = 3 * math.prod(patch_size)
    embedding = (patch_dim + 1) * hidden_dim
    return num_layers * (norms + attention + mlp) + embedding


def predictor_sizes(hidden_dim: int, num_layers: int) -> dict:
    """Returns the sizes of `LatentPredictor.for_encoder`, as arguments.

    Args:
        hidden_dim: int, features of a token of the encoder.
        num_layers: int, blocks of the encoder.

    Example:

    >>> predictor_sizes(hidden_dim=1024, num_layers=24)["num_layers"]
    12
    """
    if hidden_dim >= 384:
        return {"num_layers": 12, "num_heads": 12, "predictor_dim": 384}
    heads = 4
    width = max(8 * heads, round(hidden_dim * 2 / 3))
    return {
        "num_layers": max(1, num_layers // 2),
        "num_heads": heads,
        "predictor_dim": width - width % (2 * heads),
    }


def projector_sizes(hidden_dim: int) -> dict:
    """Returns the sizes of `Projector.for_encoder`, as arguments.

    LeVJEPA's 2048 hidden features and 256 outputs from width 768 on, and in
    the same proportion for narrower encoders.

    Args:
        hidden_dim: int, features of a token of the encoder.

    Example:

    >>> projector_sizes(hidden_dim=96)
    {'mlp_dim': 256, 'embedding_dim': 32}
    """
    embedding_dim = min(256, max(8, hidden_dim // 3))
    return {"mlp_dim": 8 * embedding_dim, "embedding_dim": embedding_dim}
