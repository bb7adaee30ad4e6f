"""Procedural clips: how far away is what each pixel shows?"""

from layerlock.evaluation.tasks._scenes import ScenesTask


class ScenesDepth(ScenesTask):
    """Depth of every pixel, in units of the nearest that occurs."""

    label = "depth"
