"""Which tokens are hidden: pure functions of seed and batch."""

import keras

from layerlock import plugins
from layerlock.core.pretraining.masks.base import Mask
from layerlock.core.pretraining.masks.multiblock import MultiBlockMask
from layerlock.core.pretraining.masks.random import RandomMask
from layerlock.core.pretraining.masks.tube import TubeMask

__all__ = ["Mask", "MultiBlockMask", "RandomMask", "TubeMask", "get"]


def get(spec) -> Mask:
    """Returns a mask from an instance, a name or a configuration.

    Args:
        spec: A `Mask`; the name of one, such as `"random"`; or the
            configuration from `keras.saving.serialize_keras_object`.

    Example:

    >>> get("tube")
    TubeMask(ratio=0.9)
    """
    if isinstance(spec, dict):
        plugins.find_all(__name__, Mask)  # registers them with Keras
        spec = keras.saving.deserialize_keras_object(spec)
    return plugins.resolve(spec, __name__, Mask)
