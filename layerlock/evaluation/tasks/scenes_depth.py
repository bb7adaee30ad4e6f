"""Procedural clips: the depth of each pixel."""

from layerlock.evaluation.tasks._scenes import ScenesTask


class ScenesDepth(ScenesTask):
    """Depth of every pixel, in units of the minimum depth."""

    label = "depth"
