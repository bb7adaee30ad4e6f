"""When layers freeze: pure functions of the optimizer step."""

from layerlock import plugins
from layerlock.core.freezing.schedules.base import FreezeSchedule
from layerlock.core.freezing.schedules.converged import ConvergedFreezeSchedule
from layerlock.core.freezing.schedules.linear import LinearFreezeSchedule
from layerlock.core.freezing.schedules.never import NeverFreezeSchedule
from layerlock.core.freezing.schedules.piecewise import PiecewiseFreezeSchedule

__all__ = [
    "ConvergedFreezeSchedule",
    "FreezeSchedule",
    "LinearFreezeSchedule",
    "NeverFreezeSchedule",
    "PiecewiseFreezeSchedule",
    "get",
]


def get(spec) -> FreezeSchedule:
    """Returns a freeze schedule from an instance, a name or a configuration.

    Args:
        spec: A `FreezeSchedule`; the name of one, such as `"linear"`; or
            `{"class_name": ..., "config": ...}`.

    Example:

    >>> get("never")
    NeverFreezeSchedule()
    >>> get({"class_name": "LinearFreezeSchedule", "config": {"interval": 5}})
    LinearFreezeSchedule(start_step=160000, interval=5, layers_per_event=1, \
max_frozen_layers=32)
    """
    if not isinstance(spec, dict):
        return plugins.resolve(spec, __name__, FreezeSchedule)
    classes = {
        schedule.__name__: schedule
        for schedule in plugins.find_all(__name__, FreezeSchedule).values()
    }
    if spec.get("class_name") not in classes:
        raise ValueError(
            f"Unknown FreezeSchedule {spec.get('class_name')!r}. "
            f"Expected one of {sorted(classes)}. "
            "Pass an instance of a class that is defined elsewhere."
        )
    return classes[spec["class_name"]].from_config(spec.get("config", {}))
