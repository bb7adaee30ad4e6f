"""V-JEPA 2.1 (https://arxiv.org/abs/2603.14482), of Meta."""

import re

from layerlock.models.foreign import _arrays, _meta, _vit
from layerlock.models.foreign.base import Family, Network, Plan

_NAME = "norms_block."


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
            teacher=teacher and _encoder(checkpoint, teacher),
            left_out={
                **_meta.LEFT_OUT,
                "*patch_embed_img.*": "the patches of single images; LayerLock "
                "reads videos",
                "*img_mod_embed": "the mark of single images",
                "predictor/*": "it predicts several layers of the encoder at "
                "once, and the context too, which LayerLock's predictor cannot "
                "express",
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
    last = checkpoint.count(rf"{re.escape(start)}norms_block\.(\d+)\.") - 1
    network.arrays |= _vit.norm("final_norm/norm", f"{start}norms_block.{last}")
    return network


def _leave_out_lower_norms(checkpoint, start, plan):
    last = checkpoint.count(rf"{re.escape(start)}norms_block\.(\d+)\.") - 1
    for level in range(last):
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
