"""Procedural clips: which way do the shapes go over the background?"""

from layerlock.data import layout
from layerlock.evaluation.tasks._scenes import ScenesTask


class ScenesMotion(ScenesTask):
    """Direction of motion, of 8 classes; no single frame tells."""

    label = "motion"
    class_names = list(layout.MOTION_NAMES)
