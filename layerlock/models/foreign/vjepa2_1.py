"""V-JEPA 2.1 (https://arxiv.org/abs/2603.14482), of Meta."""

import re

from layerlock.models.foreign import _arrays, _meta, _vit
from layerlock.models.foreign.base import Family, Network, Plan

_NAME = "norms_block."
_SEVERAL_LEVELS = (
    "it reads four levels of the encoder beside each other, and predicts four "
    "levels, which LayerLock's predictor cannot express"
)
_OF_CONTEXT = (
    "predictions of the visible patches; those of the hidden ones are read"
)


class VJEPA21(Family):
    """V-JEPA 2.1: interleaved rotation, rows and columns from 0 to 15.

    Videos only: the patches of images are another embedding.
    """

    def recognises(self, checkpoint):
        start = _meta.student_start(checkpoint)
        return start is not None and any(
            name.startswith(f"{start}{_NAME}") for name in checkpoint.shapes
        )

    def plan(self, checkpoint):
        start = _meta.required_start(checkpoint, "V-JEPA 2.1")
        _refuse(checkpoint, start)
        teacher = _meta.teacher_start(checkpoint)
        trunk = _encoder(checkpoint, start)
        plan = Plan(
            trunk,
            teacher=_meta.teacher(checkpoint, trunk, _encoder),
            left_out={
                **_meta.LEFT_OUT,
                "*patch_embed_img.*": "the patches of single images; LayerLock "
                "reads videos",
                "*img_mod_embed": "the mark of single images",
            },
            notes=[
                "The mark of videos (video_mod_embed) is added to the bias of "
                "the patch embedding.",
                "Frames and pixels of a clip are not in the file.",
            ],
        )
        for one in (start, teacher):
            if one is not None:
                _leave_out_lower_norms(checkpoint, one, plan)
        _add_predictor(checkpoint, plan, start)
        used = (start, teacher or "")
        if not any(name.startswith("target_encoder/") for name in used):
            plan.left_out["target_encoder/*"] = (
                "the encoder that this one was distilled from"
            )
        return plan


def _encoder(checkpoint, start) -> Network:
    network = _meta.encoder(checkpoint, start, positions="rotary_interleaved")
    config = network.config
    config["clip_shape"] = _meta.clip_shape(config["patch_size"], 64, 384)
    frames, *sides = (
        size // patch
        for size, patch in zip(
            config["clip_shape"], config["patch_size"], strict=True
        )
    )
    # The original scales to the grid of 256 pixels, or 252 for patches of 14.
    side = config["patch_size"][1]
    end = 18 if side == 14 else 256 // side
    config["position_grid"] = (frames, *[end for _ in sides])
    if f"{start}video_mod_embed" in checkpoint.shapes:
        network.arrays["patch_embedding/bias"] = _arrays.total(
            f"{start}patch_embed.proj.bias", f"{start}video_mod_embed"
        )
    network.arrays |= _vit.norm(
        "final_norm/norm", _last_norm(checkpoint, start)
    )
    return network


def _levels(checkpoint, start) -> int:
    return checkpoint.count(rf"{re.escape(start)}norms_block\.(\d+)\.")


def _last_norm(checkpoint, start) -> str:
    return f"{start}{_NAME}{_levels(checkpoint, start) - 1}"


def _add_predictor(checkpoint, plan, encoder_start):
    """Adds the predictor of a distilled encoder, which has one level.

    Its inputs are the last level, and its targets the features of another
    encoder, which may be wider.
    """
    start = _meta.predictor_start(checkpoint)
    if start is None or f"{start}predictor_embed.weight" not in (
        checkpoint.shapes
    ):
        plan.left_out["predictor/*"] = _SEVERAL_LEVELS
        return
    plan.predictor = network = _meta.predictor(
        checkpoint,
        start,
        plan.encoder,
        _last_norm(checkpoint, encoder_start),
        _meta.predictor_heads(checkpoint, start, plan.notes),
    )
    network.config["position_grid"] = plan.encoder.config["position_grid"]
    mark = f"{start}video_mod_embed"
    if mark in checkpoint.shapes:
        network.arrays["embedding/bias"] = _arrays.total(
            f"{start}predictor_embed.bias", mark
        )
        network.arrays["mask_tokens"] = _arrays.raised_rows(
            mark, *_meta.mask_tokens(checkpoint, start)
        )
    plan.left_out[f"{start}predictor_proj_context.*"] = _OF_CONTEXT
    plan.notes.append(_meta.PIXEL_HEAD_NOTE)
    latent_dim, dim = (
        network.config[name] for name in ("latent_dim", "hidden_dim")
    )
    if latent_dim != dim:
        plan.notes.append(
            f"Its predictor predicts features {latent_dim} wide, those of the "
            "encoder that taught it. It goes on with a `teacher` of that width."
        )


def _leave_out_lower_norms(checkpoint, start, plan):
    for level in range(_levels(checkpoint, start) - 1):
        plan.left_out[f"{start}norms_block.{level}.*"] = (
            "the norm of a lower level, which the predictor reads"
        )


def _refuse(checkpoint, start):
    for name, what in (
        ("cls_token", "a class token"),
        ("register_tokens", "register tokens"),
        ("pos_embed", "a table of positions in place of rotation"),
    ):
        if f"{start}{name}" in checkpoint.shapes:
            raise ValueError(
                f"The encoder of {checkpoint.place} has {what} ({name}), which "
                "LayerLock cannot express. None of the published files has it."
            )
