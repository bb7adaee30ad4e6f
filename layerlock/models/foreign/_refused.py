"""Encoders that LayerLock knows and cannot express, each with the reason."""

from collections.abc import Callable
from typing import NamedTuple

_IMAGES = (
    "It encodes every picture alone, and its class token takes part in the "
    "attention of each block. A LayerLock encoder has one token per patch of "
    "a clip, and all of them attend to each other"
)


class _Refused(NamedTuple):
    """An encoder by name, how its arrays are known, and the reason."""

    name: str
    matches: Callable  # of the names of the arrays
    reason: str


_REFUSED = (
    _Refused(
        "RVM",
        lambda names: _has(names, "rnn_core/"),
        "It is recurrent: a state that passes from frame to frame, with gates "
        "and cross-attention, which no block of LayerLock has",
    ),
    _Refused(
        "VideoPrism",
        lambda names: (
            _has(names, "spatial_encoder/") and _has(names, "temporal_encoder/")
        ),
        "Its attention is factorised, first over the patches of a frame, then "
        "over the frames of a patch, and its logits are capped",
    ),
    _Refused(
        "DINOv3",
        lambda names: (
            _has(names, "cls_token")
            and _has(names, ".ls1.gamma", ".layer_scale1.lambda1")
            and not _has(names, "pos_embed", "position_embeddings")
        ),
        f"{_IMAGES}; the same holds for its register tokens",
    ),
    _Refused(
        "DINOv2",
        lambda names: (
            _has(names, "cls_token")
            and _has(names, ".ls1.gamma", ".layer_scale1.lambda1")
        ),
        f"{_IMAGES}; the same holds for register tokens, if it has some",
    ),
)


def check(checkpoint):
    """Raises `ValueError` if the arrays are those of a refused encoder.

    Args:
        checkpoint: a `Checkpoint`.
    """
    for refused in _REFUSED:
        if refused.matches(checkpoint.shapes):
            raise ValueError(
                f"{checkpoint.place} holds {refused.name}, which LayerLock "
                f"cannot express. {refused.reason}. Import V-JEPA, VideoMAE or "
                "4DS instead."
            )


def _has(names, *parts) -> bool:
    """Whether one of the parts occurs in one of the names."""
    return any(part in name for name in names for part in parts)
