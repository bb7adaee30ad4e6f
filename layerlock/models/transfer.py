"""Copies weights between networks that may differ in the size of clips."""

from keras import ops

from layerlock.models.positions import resize_table


def split_clip_shape(config: dict, overrides: dict) -> tuple:
    """Splits off a size of clips that the stored weights do not fit.

    Args:
        config: the arguments of a stored encoder.
        overrides: arguments that replace them.

    Returns:
        The overrides to build it with, and the size for `resized`: `None` but
        for learned positions, whose table has the size of the clips.
    """
    if config.get("positions") != "learned":
        return overrides, None
    overrides = dict(overrides)
    return overrides, overrides.pop("clip_shape", None)


def resized(encoder, clip_shape):
    """Returns an encoder for clips of another size, with the same weights.

    Learned positions are interpolated, see `LearnedPositions`.

    Args:
        encoder: a `VideoEncoder`.
        clip_shape: tuple of 3 ints, frames, rows and columns. `None`, or its
            own: the encoder itself is returned.
    """
    if clip_shape is None or tuple(clip_shape) == encoder.clip_shape:
        return encoder
    config = {**encoder.get_config(), "clip_shape": clip_shape}
    copy = type(encoder).from_config(config)
    copy_weights(encoder, copy)
    return copy


def copy_weights(source, target):
    """Copies all weights; learned positions of another grid are interpolated.

    Args:
        source: a layer.
        target: a layer of the same class and sizes.
    """
    for old, new in zip(source.variables, target.variables, strict=True):
        if old.shape == new.shape:
            new.assign(ops.copy(old.value))  # JAX donates each buffer once
        else:
            new.assign(resize_table(old.value, new.shape[:3]))
