"""V-JEPA 2 (https://arxiv.org/abs/2506.09985), of Meta and transformers."""

import re

from layerlock.models.foreign import (
    _arrays,
    _meta,
    _transformers,
    _vit,
    _vjepa2_readout,
)
from layerlock.models.foreign.base import Family, Network, Plan

_CONFIG = {
    "crop_size": _transformers.LENGTH,
    "frames_per_clip": _transformers.LENGTH,
    "num_attention_heads": _transformers.COUNT,
    "layer_norm_eps": _transformers.EPSILON,
    "pred_num_attention_heads": _transformers.COUNT,
}
# What arrays tell too, and transformers' values where it stores none.
_SIZES = {"num_hidden_layers": 24, "hidden_size": 1024, "tubelet_size": 2}
_PREDICTOR_SIZES = {"pred_num_hidden_layers": 12, "pred_hidden_size": 384}
# Of V-JEPA 2.1, in a version of transformers that is not released.
_NEWER = (
    "use_rope_interleave",
    "interpolate_rope",
    "use_modality_embeddings",
)
_PATCHES = "encoder.embeddings.patch_embeddings.proj"
_FEW_MASK_TOKENS = 2  # those of the first V-JEPA


class VJEPA2(Family):
    """V-JEPA 2: queries and keys are rotated by tiled angles."""

    def recognises(self, checkpoint):
        if _start(checkpoint) is not None:
            return True
        start = _meta.student_start(checkpoint)
        if start is None or any("norms_block." in k for k in checkpoint.shapes):
            return False
        names = [
            f"{start}blocks.0.attn.{part}" for part in ("qkv.weight", "q_bias")
        ]
        if [name in checkpoint.shapes for name in names] != [True, False]:
            return False
        if f"{start}pos_embed" not in checkpoint.shapes:
            return True
        # Files of V-JEPA 2 may have unused tables of the first V-JEPA.
        predictor = _meta.predictor_start(checkpoint)
        return predictor is None or (
            len(_meta.mask_tokens(checkpoint, predictor)) > _FEW_MASK_TOKENS
        )

    def plan(self, checkpoint):
        start = _start(checkpoint)
        if start is not None:
            return _of_transformers(checkpoint, start)
        return _of_meta(checkpoint)


def _of_meta(checkpoint) -> Plan:
    start = _meta.required_start(checkpoint, "V-JEPA 2")
    trunk = _encoder(checkpoint, start)
    predictor = _meta.predictor_start(checkpoint)
    plan = Plan(
        trunk,
        teacher=_meta.teacher(checkpoint, trunk, _encoder),
        left_out={
            **_meta.LEFT_OUT,
            "*pos_embed": "V-JEPA 2 rotates queries and keys, and does not "
            "read its tables of positions",
        },
        notes=["Frames and pixels of a clip are not in the file."],
    )
    if predictor is None:
        plan.left_out["predictor/*"] = (
            "a predictor without mask tokens, such as that of actions, which "
            "LayerLock's cannot express"
        )
    else:
        heads = _meta.predictor_heads(checkpoint, predictor, plan.notes)
        plan.predictor = _meta.predictor(
            checkpoint, predictor, trunk, f"{start}norm", heads
        )
        plan.notes.append(_meta.PIXEL_HEAD_NOTE)
    return plan


def _encoder(checkpoint, start) -> Network:
    network = _meta.encoder(checkpoint, start, positions="rotary_tiled")
    patch_size = network.config["patch_size"]
    network.config["clip_shape"] = _meta.clip_shape(patch_size, 64, 256)
    network.arrays |= _vit.norm("final_norm/norm", f"{start}norm")
    return network


def _start(checkpoint) -> str | None:
    """What precedes the names of transformers."""
    for start in ("", "vjepa2."):
        if f"{start}{_PATCHES}.weight" in checkpoint.shapes:
            return start
    return None


def _of_transformers(checkpoint, start) -> Plan:
    given = _transformers.read_config(checkpoint, _CONFIG)
    if newer := [name for name in _NEWER if given.get(name)]:
        raise ValueError(
            f"config.json in {checkpoint.place} sets {newer}: it is a V-JEPA "
            "2.1 of transformers, which is not known. Read Meta's .pt file of "
            "the same weights."
        )
    activation = _transformers.activation(checkpoint)
    encoder = _transformers_encoder(checkpoint, start, given)
    encoder.config["activation"] = activation
    plan = Plan(encoder)
    if activation == "gelu":
        plan.readout = _vjepa2_readout.of_transformers(
            checkpoint, encoder.config["num_heads"], encoder.config["epsilon"]
        )
    else:
        plan.left_out = dict.fromkeys(
            ("pooler.*", "classifier.*"),
            f"LayerLock's readout has GELU and not {activation}",
        )
    if any(k.startswith(f"{start}predictor.") for k in checkpoint.shapes):
        if given.get("pred_num_hidden_layers") == 0:
            plan.left_out[f"{start}predictor.*"] = "a predictor without blocks"
        elif activation == "gelu":
            plan.predictor = _transformers_predictor(
                checkpoint, start, given, encoder
            )
            plan.notes.append(_meta.PIXEL_HEAD_NOTE)
        else:
            plan.left_out[f"{start}predictor.*"] = (
                f"LayerLock's predictor has GELU and not {activation}"
            )
    return plan


def _transformers_encoder(checkpoint, start, given) -> Network:
    width, channels, *patch_size = checkpoint.shape(
        f"{start}{_PATCHES}.weight", 5
    )
    _vit.check_channels(checkpoint, channels)
    blocks = f"{start}encoder.layer."
    num_layers = checkpoint.count(rf"{re.escape(blocks)}(\d+)\.")
    _transformers.check_sizes(
        checkpoint, _SIZES, (num_layers, width, patch_size[0])
    )
    epsilon = given.get("layer_norm_eps", 1e-6)
    size = given.get("crop_size", 256)
    config = {
        "num_layers": num_layers,
        "num_heads": given.get("num_attention_heads", 16),
        "hidden_dim": width,
        "mlp_dim": checkpoint.shape(f"{blocks}0.mlp.fc1.weight", 2)[0],
        "patch_size": tuple(patch_size),
        "clip_shape": _meta.clip_shape(
            patch_size, given.get("frames_per_clip", 64), size
        ),
        "positions": "rotary_tiled",
        "epsilon": epsilon,
        "final_norm": True,
        **checkpoint.pixel_statistics(),
    }
    arrays = {
        **_vit.patch_embedding(f"{start}{_PATCHES}"),
        **_transformers_blocks(checkpoint, num_layers, blocks),
        **_vit.norm("final_norm/norm", f"{start}encoder.layernorm"),
    }
    return Network(config, arrays)


def _transformers_blocks(checkpoint, num_layers, blocks) -> dict:
    width = checkpoint.shape(f"{blocks}0.attention.query.weight", 2)[0]
    has_bias = f"{blocks}0.attention.query.bias" in checkpoint.shapes
    return _vit.transformers_blocks(
        num_layers, blocks, None if has_bias else width
    )


def _transformers_predictor(checkpoint, start, given, encoder) -> Network:
    first = f"{start}predictor."
    blocks = f"{first}layer."
    embed = f"{first}embeddings.predictor_embeddings"
    masks = f"{first}embeddings.mask_tokens"
    num_layers = checkpoint.count(rf"{re.escape(blocks)}(\d+)\.")
    width = checkpoint.shape(f"{embed}.weight", 2)[0]
    _transformers.check_sizes(checkpoint, _PREDICTOR_SIZES, (num_layers, width))
    frames, rows, columns = encoder.config["patch_size"]
    config = {
        "hidden_dim": encoder.config["hidden_dim"],
        "patch_dim": 3 * frames * rows * columns,
        "num_layers": num_layers,
        "num_heads": given.get("pred_num_attention_heads", 12),
        "predictor_dim": width,
        "mlp_dim": checkpoint.shape(f"{blocks}0.mlp.fc1.weight", 2)[0],
        "num_mask_kinds": checkpoint.shape(masks, 4)[0],
        "positions": "rotary_tiled",
        "epsilon": encoder.config["epsilon"],
    }
    arrays = {
        **_transformers_blocks(checkpoint, num_layers, blocks),
        "mask_tokens": _arrays.matrix(masks),
        **_vit.norm("input_norm", f"{start}encoder.layernorm"),
        **_vit.linear("embedding", embed),
        **_vit.norm("output_norm", f"{first}layernorm"),
        **_vit.linear("latent_head_1", f"{first}proj"),
    }
    return Network(config, arrays, initial=_meta.PIXEL_HEAD)
