"""Procedural clips: shape and texture of the near object."""

from layerlock.data import outlines
from layerlock.evaluation.tasks._scenes import ScenesTask


class ScenesAppearance(ScenesTask):
    """Outline and texture of the near shape, of 8 classes."""

    label = "appearance"
    class_names = list(outlines.CLASS_NAMES)
