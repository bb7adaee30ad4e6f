"""A fixed teacher: another encoder, which computes the targets."""

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class FixedTeacher:
    """An encoder that computes the targets and never changes.

    It may be wider or deeper than the encoder that learns. It has its own
    precision, and its own mean and deviation of pixels. This is not a layer:
    Keras would save the encoder with every file of the model.

    Args:
        encoder: a `VideoEncoder`.
    """

    encoder: Any


def check_teacher(teacher, student, predictor):
    """Raises unless features of an encoder can be the targets of another.

    Args:
        teacher: a `VideoEncoder`.
        student: the `VideoEncoder` that learns.
        predictor: the predictor of the model.
    """
    if teacher.name == student.name:
        raise ValueError(
            "The teacher and the encoder need different names. Received: "
            f"{teacher.name!r} for both. Load the teacher with "
            "`VideoEncoder.from_preset(path, name='teacher')`."
        )
    check_patches(teacher.patch_size, student.patch_size)
    widths = sorted({head.units for head in predictor.latent_heads})
    if widths != [teacher.hidden_dim]:
        raise ValueError(
            "The predictor must predict features of the teacher's width, "
            f"{teacher.hidden_dim}. Received: a predictor of features of "
            f"width {widths}. Build it with `latent_dim={teacher.hidden_dim}`."
        )


def check_patches(teacher_patch_size, patch_size):
    """Raises unless teacher and student cut clips into the same patches.

    Args:
        teacher_patch_size: tuple of 3 ints, frames, rows and columns.
        patch_size: tuple of 3 ints, of the student.
    """
    if tuple(teacher_patch_size) == tuple(patch_size):
        return
    needed = ",".join(map(str, teacher_patch_size))
    raise ValueError(
        "The teacher and the encoder must cut clips into the same patches, as "
        "the teacher's features of a patch are the target there. Received: "
        f"patches of {_by(teacher_patch_size)} for the teacher and "
        f"{_by(patch_size)} for the encoder. Use `patch_size={needed}`, or "
        "another teacher."
    )


def check_target_layers(target_layers: tuple, num_layers: int):
    """Raises unless all targets are blocks of the teacher.

    Args:
        target_layers: tuple of ints; negative ones count from the last block.
        num_layers: int, blocks of the teacher.
    """
    for layer in target_layers:
        if layer == 0 or not -num_layers <= layer <= num_layers:
            raise ValueError(
                "The target must be a block of the teacher: from 1 to "
                f"{num_layers}, or -1 for the last. Received: layer {layer}. "
                "Give the objective another `target_layer`."
            )


def _by(sizes) -> str:
    return "x".join(map(str, sizes))
