"""Freeze nothing: the baseline."""

from layerlock.core.freezing.schedules.base import FreezeSchedule


class NeverFreezeSchedule(FreezeSchedule):
    """Leaves every layer trainable.

    Example:

    >>> NeverFreezeSchedule().frozen_layers(1_000_000)
    0
    """

    def frozen_layers(self, step):
        return 0

    def get_config(self):
        return {}
