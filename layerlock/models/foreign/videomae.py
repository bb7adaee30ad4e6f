"""VideoMAE (https://arxiv.org/abs/2203.12602) and its version 2."""

import math
import re

import numpy as np

from layerlock import json_files
from layerlock.models import fixed_positions
from layerlock.models.foreign import (
    _arrays,
    _meta,
    _transformers,
    _videomae_decoder,
    _videomae_hub,
    _vit,
)
from layerlock.models.foreign.base import Family, Network, Plan
from layerlock.models.patches import patch_grid

_PATCHES = "patch_embed.proj.weight"
_TRANSFORMERS = "embeddings.patch_embeddings.projection.weight"
_SECTIONS = ("model", "module", "state_dict", "")  # of the original's files
_HEADS = {384: 6, 768: 12, 1024: 16, 1280: 16, 1408: 16}  # of each width
_FRAMES, _SIZE = 16, 224  # of all published files
_LEFT_OUT = {
    **_meta.LEFT_OUT,
    "model_ema/*": "the moving average of fine-tuning, which the original "
    "does not evaluate",
}
_READOUT = "the readout of a task, which averages the tokens first"
_DECODER = ("decoder.*", "encoder_to_decoder.*", "mask_token")
# Ends of names of what no published file has.
_UNKNOWN = {
    "blocks.0.attn.scale": "cosine attention",
    "blocks.0.gamma_1": "scaled residuals",
}
_CONFIG = {
    "image_size": json_files.one_of(
        _transformers.LENGTH, json_files.list_of(_transformers.LENGTH)
    ),
    "num_frames": _transformers.LENGTH,
    "num_attention_heads": _transformers.COUNT,
    "decoder_num_attention_heads": _transformers.COUNT,
    "layer_norm_eps": _transformers.EPSILON,
}
# What arrays tell too, and transformers' values where it stores none.
_SIZES = {
    "num_hidden_layers": 12,
    "hidden_size": 768,
    "intermediate_size": 3072,
    "tubelet_size": 2,
}


class VideoMAE(Family):
    """VideoMAE: fixed sin-cos positions of the number of a token."""

    def recognises(self, checkpoint):
        start = _original_start(checkpoint)
        if start is not None:
            return f"{start}blocks.0.attn.q_bias" in checkpoint.shapes
        return _transformers_start(checkpoint) is not None

    def plan(self, checkpoint):
        start = _transformers_start(checkpoint)
        if start is not None:
            return _of_transformers(checkpoint, start)
        start = _original_start(checkpoint)
        if start is None:
            raise ValueError(
                f"{checkpoint.place} has no encoder of VideoMAE. Received: "
                f"{checkpoint.summary()}. Expected an array that ends in "
                f"{_PATCHES} or {_TRANSFORMERS}, with 5 axes."
            )
        return _of_original(checkpoint, start)


def _original_start(checkpoint) -> str | None:
    """Returns what precedes the names of the authors' files."""
    for section in _SECTIONS:
        start = _meta.start_of(checkpoint, section, _PATCHES)
        if start is not None and len(checkpoint.shapes[start + _PATCHES]) == 5:
            return start
    return None


def _transformers_start(checkpoint) -> str | None:
    """Returns what precedes the names of transformers."""
    for start in ("", "videomae."):
        shape = checkpoint.shapes.get(start + _TRANSFORMERS, ())
        has_class_token = f"{start}embeddings.cls_token" in checkpoint.shapes
        if len(shape) == 5 and not has_class_token:
            return start
    return None


def _encoder(checkpoint, patches, mlp, num_layers, **config) -> dict:
    """Returns the arguments of the encoder that the arrays tell."""
    width, channels, *patch_size = checkpoint.shape(patches, 5)
    _vit.check_channels(checkpoint, channels)
    return {
        "num_layers": num_layers,
        "hidden_dim": width,
        "mlp_dim": checkpoint.shape(mlp, 2)[0],
        "patch_size": tuple(patch_size),
        "clip_shape": _meta.clip_shape(patch_size, _FRAMES, _SIZE),
        "positions": "sincos_flat",
        **checkpoint.pixel_statistics(),
        **config,
    }


def _of_original(checkpoint, start) -> Plan:
    for ending, what in _UNKNOWN.items():
        if start + ending in checkpoint.shapes:
            raise ValueError(
                f"{checkpoint.place} has {what} ({start}{ending}), which "
                "LayerLock's encoder cannot express. None of the published "
                "files of VideoMAE has them."
            )
    blocks = f"{start}blocks."
    num_layers = checkpoint.count(rf"{re.escape(blocks)}(\d+)\.")
    config = _encoder(
        checkpoint, start + _PATCHES, f"{blocks}0.mlp.fc1.weight", num_layers
    )
    width = config["hidden_dim"]
    if width in _HEADS:
        config["num_heads"] = _HEADS[width]
    config |= _videomae_hub.arguments(checkpoint, config["patch_size"])
    arrays = {
        **_vit.patch_embedding(f"{start}patch_embed.proj"),
        **_vit.timm_blocks(
            num_layers, blocks, lambda block: _attention(checkpoint, block)
        ),
    }
    if f"{start}norm.weight" in checkpoint.shapes:
        config["final_norm"] = True
        arrays |= _vit.norm("final_norm/norm", f"{start}norm")
    if f"{start}pos_embed" in checkpoint.shapes:
        arrays |= _positions(checkpoint, f"{start}pos_embed", config)
    outer = start.removesuffix("encoder.")
    left_out = {}
    for name in ("fc_norm.*", "head.*"):
        left_out[start + name] = _READOUT
    if config["positions"] == "sincos_flat":
        left_out[f"{outer}*pos_embed"] = (
            "positions are computed by their formula, which was compared with "
            "the table of the encoder"
        )
    plan = Plan(Network(config, arrays), left_out={**_LEFT_OUT, **left_out})
    if _videomae_decoder.has_decoder(checkpoint, outer):
        plan.predictor = _videomae_decoder.of_original(
            checkpoint,
            outer,
            plan.encoder,
            f"{start}norm",
            lambda block: _attention(checkpoint, block),
        )
        plan.notes.append(_videomae_decoder.NOTE)
    return plan


def _positions(checkpoint, name, config) -> dict:
    """Returns the arrays of a table of positions that is not the formula's."""
    _, tokens, dim = checkpoint.shape(name, 3)
    table = checkpoint.read(name).reshape(-1, dim)
    expected = fixed_positions.flat_table(len(table), dim)
    if np.abs(table - expected).max() < _meta.table_tolerance(table):
        return {}
    grid = patch_grid(config["clip_shape"], config["patch_size"])
    if math.prod(grid) != len(table):
        raise ValueError(
            f"{checkpoint.place} has {tokens:,} learned positions ({name}), "
            "and does not tell their frames, rows and columns. Expected "
            f"{math.prod(grid):,}, for clips of {config['clip_shape']}."
        )
    config["positions"] = "learned"
    return {"learned_positions/table": _arrays.reshaped(name, *grid)}


def _attention(checkpoint, block) -> dict:
    """Returns the arrays of q, k and v of a block."""
    qkv = f"{block}attn.qkv.weight"
    biases = [f"{block}attn.{part}_bias" for part in "qv"]
    has_biases = any(name in checkpoint.shapes for name in biases)
    return {
        "qkv_kernel": _arrays.transposed(qkv),
        "qkv_bias": (
            _arrays.query_and_value(*biases)
            if has_biases
            else _arrays.zeros(checkpoint.shape(qkv, 2)[0])
        ),
    }


def _of_transformers(checkpoint, start) -> Plan:
    given = _transformers.read_config(checkpoint, _CONFIG)
    blocks = f"{start}encoder.layer."
    num_layers = checkpoint.count(rf"{re.escape(blocks)}(\d+)\.")
    config = _encoder(
        checkpoint,
        start + _TRANSFORMERS,
        f"{blocks}0.intermediate.dense.weight",
        num_layers,
        num_heads=given.get("num_attention_heads", 12),
        epsilon=given.get("layer_norm_eps", 1e-12),
        activation=_transformers.activation(checkpoint),
    )
    config["clip_shape"] = _clip_shape(checkpoint, config["patch_size"])
    names = ("num_layers", "hidden_dim", "mlp_dim")
    found = (*(config[name] for name in names), config["patch_size"][0])
    _transformers.check_sizes(checkpoint, _SIZES, found)
    arrays = {
        **_vit.patch_embedding(
            f"{start}embeddings.patch_embeddings.projection"
        ),
        **_transformers_blocks(checkpoint, num_layers, blocks),
    }
    if f"{start}layernorm.weight" in checkpoint.shapes:
        config["final_norm"] = True
        arrays |= _vit.norm("final_norm/norm", f"{start}layernorm")
    left_out = dict.fromkeys(_DECODER, _videomae_decoder.OF_TRANSFORMERS)
    left_out |= dict.fromkeys(("fc_norm.*", "classifier.*"), _READOUT)
    return Plan(Network(config, arrays), left_out=left_out)


def _clip_shape(checkpoint, patch_size) -> tuple:
    given = checkpoint.config
    size = given.get("image_size", _SIZE)
    sizes = size if isinstance(size, list) else [size, size]
    if len(sizes) != 2:
        raise ValueError(
            f"config.json in {checkpoint.place} names the image_size "
            f"{json_files.shown(size)}. Expected one number, or height and "
            "width."
        )
    lengths = (given.get("num_frames", _FRAMES), *sizes)
    return tuple(
        max(1, length // patch) * patch
        for length, patch in zip(lengths, patch_size, strict=True)
    )


def _transformers_blocks(checkpoint, num_layers, start) -> dict:
    arrays = {}
    for index in range(num_layers):
        block = f"{start}{index}."
        maps = f"{block}attention.attention."
        biases = [
            name
            for part in ("query", "value")
            for name in (f"{maps}{part}.bias", f"{maps}{part[0]}_bias")
            if name in checkpoint.shapes
        ]
        inner = {
            "qkv_kernel": _arrays.joined(
                *(f"{maps}{part}.weight" for part in ("query", "key", "value"))
            ),
            "qkv_bias": (
                _arrays.query_and_value(*biases)
                if len(biases) == 2
                else _arrays.zeros(
                    3 * checkpoint.shape(f"{maps}key.weight", 2)[0]
                )
            ),
            **_vit.pairs(
                block,
                norms={
                    "attention_norm": "layernorm_before",
                    "mlp_norm": "layernorm_after",
                },
                maps={
                    "attention_output": "attention.output.dense",
                    "mlp_expand": "intermediate.dense",
                    "mlp_output": "output.dense",
                },
            ),
        }
        arrays |= {f"block_{index + 1}/{k}": v for k, v in inner.items()}
    return arrays
