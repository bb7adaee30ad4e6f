"""The precision whose matrix products are of float8 numbers."""

import keras


@keras.saving.register_keras_serializable("layerlock")
class Float8Policy(keras.DTypePolicy):
    """`"mixed_bfloat16"`, with the linear maps of blocks in float8.

    The four linear maps of a `TransformerBlock` multiply numbers of 8 bits:
    E4M3, and E5M2 for gradients. Each tensor is divided by a scale, which is
    computed from its largest number in every step, so that no state is kept
    and a resumed run repeats the same numbers. Attention, normalisations,
    patch embedding and heads compute as in `"mixed_bfloat16"`. An exported
    encoder has `"mixed_bfloat16"`.

    The scale is that of a whole batch, so that the features of a clip depend a
    little on the other clips. On PyTorch, widths that are no multiple of 16
    stay in bfloat16.

    Reference: [FP8 formats for deep learning, Micikevicius et al., 2022](
    https://arxiv.org/abs/2209.05433).

    It runs on JAX and PyTorch. A GPU needs compute capability 8.9. A CPU has
    the same numbers, in more time than bfloat16 takes.

    Args:
        name: str, always `"mixed_bfloat16"`, the default.

    Example:

    >>> from layerlock.models import VideoEncoder
    >>> policy = Float8Policy()
    >>> encoder = VideoEncoder.from_preset("video_vit_nano", dtype=policy)
    >>> encoder.compute_dtype, encoder.variable_dtype
    ('bfloat16', 'float32')
    """

    def __init__(self, name="mixed_bfloat16"):
        if name != "mixed_bfloat16":
            raise ValueError(
                "Float8 numbers are rounded from those of `mixed_bfloat16`. "
                f"Received: name={name!r}."
            )
        super().__init__(name)


def multiplies_float8(layer) -> bool:
    """Whether the linear maps of a block multiply float8 numbers."""
    return isinstance(layer.dtype_policy, Float8Policy)
