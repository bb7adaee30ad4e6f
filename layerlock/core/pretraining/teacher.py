"""The teacher: a moving average of the encoder that computes targets."""

import keras
from keras import ops

from layerlock import backends


def create(encoder):
    """Builds a teacher that begins as a copy of the encoder.

    Its weights are at least float32, also those of a bfloat16 encoder: an
    average changes by less than bfloat16 can represent.

    Args:
        encoder: an encoder with `blocks`, `embedding` and `all_layers`, such
            as a `VideoEncoder`.
    """
    config = {
        **encoder.get_config(),
        "name": f"{encoder.name}_teacher",
        "dtype": _with_precise_weights(encoder.dtype_policy),
    }
    teacher = encoder.from_config(config)
    teacher.trainable = False
    for own, learnt in _pairs(teacher, encoder):
        _copy(own, learnt)
    return teacher


def update(teacher, encoder, momentum):
    """Moves the teacher towards the encoder.

    Every weight becomes `momentum * weight + (1 - momentum) * learnt`, Eq. 1
    of [BYOL, Grill et al., 2020](https://arxiv.org/abs/2006.07733). Shared and
    frozen weights are not changed, not even by rounding.

    Args:
        teacher: the result of `create`.
        encoder: the encoder.
        momentum: float or scalar tensor in [0, 1].
    """
    pairs = [pair for pair in _pairs(teacher, encoder) if pair[1].trainable]
    if pairs:
        backends.move_averages(*zip(*pairs, strict=True), momentum)


def share_layers(teacher, encoder, num_layers: int):
    """Replaces the first blocks of the teacher by those of the encoder.

    The embedding, which is small, is copied.

    Args:
        teacher: the result of `create`.
        encoder: the encoder; its first `num_layers` blocks are frozen.
        num_layers: int, blocks to share.
    """
    for index in range(num_layers):
        own, learnt = teacher.blocks[index], encoder.blocks[index]
        if own is not learnt:
            # `remove` also stops Keras from tracking the old weights. The
            # new entry is inserted untracked: the encoder tracks it.
            teacher.blocks.remove(own)
            list.insert(teacher.blocks, index, learnt)
    if num_layers:
        embeddings = zip(teacher.embedding, encoder.embedding, strict=True)
        for own, learnt in embeddings:
            for mine, theirs in zip(
                own.variables, learnt.variables, strict=True
            ):
                _copy(mine, theirs)


def _with_precise_weights(policy):
    """The policy whose weights are float32 where they had 16 bits."""
    if policy.variable_dtype not in ("bfloat16", "float16"):
        return policy
    return keras.DTypePolicy(f"mixed_{policy.compute_dtype}")


def _pairs(teacher, encoder):
    """Yields pairs of variables: the teacher's own, and the encoder's."""
    units = zip(
        teacher.all_layers,
        encoder.all_layers,
        strict=True,
    )
    for own, learnt in units:
        if own is not learnt:
            yield from zip(own.variables, learnt.variables, strict=True)


def _copy(variable, source):
    # A copy: JAX donates each buffer once.
    variable.assign(ops.copy(backends.whole(source)))
