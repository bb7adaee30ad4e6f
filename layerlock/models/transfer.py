"""Copies weights between networks that may differ in the size of clips."""

from keras import ops

from layerlock.models.positions import resize_table


def resized(encoder, clip_shape):
    """Returns a copy of an encoder for clips of another size.

    Learned positions are interpolated, see `LearnedPositions`.

    Args:
        encoder: a `VideoEncoder`.
        clip_shape: tuple of 3 ints, frames, rows and columns.
    """
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
