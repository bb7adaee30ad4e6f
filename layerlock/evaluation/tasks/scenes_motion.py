"""Procedural clips: the direction of motion over the background."""

from layerlock.data import layout
from layerlock.evaluation.tasks._scenes import ScenesTask


class ScenesMotion(ScenesTask):
    """Direction of motion, of 8 classes; a single frame has no cue."""

    label = "motion"
    class_names = list(layout.MOTION_NAMES)
