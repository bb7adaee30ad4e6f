"""V-JEPA of 2024 (https://arxiv.org/abs/2404.08471), of Meta."""

import numpy as np

from layerlock.models.fixed_positions import axis_tables
from layerlock.models.foreign import _meta, _vit
from layerlock.models.foreign.base import Family, Network, Plan

_KINDS = ("sincos_uniform", "sincos_half_time")
_HEADS = {1408: 16, 1664: 16}  # by width, where V-JEPA 2 has others
_FEW_MASK_TOKENS = 2  # V-JEPA 2 has more


class VJEPA(Family):
    """V-JEPA: fixed sin-cos positions, interpolated for other sizes."""

    def recognises(self, checkpoint):
        start = _meta.student_start(checkpoint)
        if (
            start is None
            or f"{start}pos_embed" not in checkpoint.shapes
            or f"{start}blocks.0.attn.qkv.bias" not in checkpoint.shapes
            or any("norms_block." in name for name in checkpoint.shapes)
        ):
            return False
        predictor = _meta.predictor_start(checkpoint)
        return predictor is None or (
            len(_meta.mask_tokens(checkpoint, predictor)) <= _FEW_MASK_TOKENS
        )

    def plan(self, checkpoint):
        start = _meta.required_start(checkpoint, "V-JEPA")
        trunk = _encoder(checkpoint, start)
        predictor = _meta.predictor_start(checkpoint)
        plan = Plan(
            trunk,
            teacher=_meta.teacher(checkpoint, trunk, _encoder),
            left_out={
                **_meta.LEFT_OUT,
                "*pos_embed": "positions are computed by their formula, which "
                "was compared with the table of the encoder",
            },
        )
        if predictor is not None:
            plan.predictor = _predictor(checkpoint, predictor, trunk, start)
            plan.predictor_has_heads_of_encoder = True
            plan.notes.append(_meta.PIXEL_HEAD_NOTE)
        return plan


def _encoder(checkpoint, start) -> Network:
    network = _meta.encoder(checkpoint, start)
    kind, grid = _kind_and_grid(checkpoint, f"{start}pos_embed")
    config = network.config
    config["positions"] = kind
    config["position_grid"] = grid
    config["clip_shape"] = tuple(
        size * patch
        for size, patch in zip(grid, config["patch_size"], strict=True)
    )
    if config["hidden_dim"] in _HEADS:
        config["num_heads"] = _HEADS[config["hidden_dim"]]
    network.arrays |= _vit.norm("final_norm/norm", f"{start}norm")
    return network


def _predictor(checkpoint, start, trunk, encoder_start) -> Network:
    network = _meta.predictor(
        checkpoint, start, trunk, f"{encoder_start}norm", heads=None
    )
    network.config["position_grid"] = trunk.config["position_grid"]
    return network


def _kind_and_grid(checkpoint, name) -> tuple[str, tuple]:
    """The formula and the grid whose table is stored."""
    _, tokens, dim = checkpoint.shape(name, 3)
    table = np.ravel(checkpoint.read(name))
    for frames in range(1, tokens + 1):
        side = round((tokens / frames) ** 0.5)
        if frames * side * side != tokens:
            continue
        grid = (frames, side, side)
        for kind in _KINDS:
            if dim % 4 == 0 and _equals(table, kind, grid, dim):
                return kind, grid
    raise ValueError(
        f"{name!r} in {checkpoint.place} is no table of sines and cosines of a "
        f"square grid. Received: {tokens:,} positions of {dim} features. Only "
        "V-JEPA's fixed positions are known."
    )


def _equals(table, kind, grid, dim) -> bool:
    parts = axis_tables(kind, grid, dim)
    columns = [
        np.broadcast_to(
            np.expand_dims(part, [a for a in range(3) if a != axis]),
            (*grid, part.shape[1]),
        )
        for axis, part in enumerate(parts)
    ]
    expected = np.ravel(np.concatenate(columns, axis=-1))
    return table.shape == expected.shape and bool(
        np.abs(table - expected).max() < _meta.table_tolerance(table)
    )
