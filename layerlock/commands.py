"""The jobs and the studies, by name: functions, and commands of `layerlock`."""

import importlib

_ROOMS = {
    "pretrain": "jobs",
    "probe": "jobs",
    "finetune": "jobs",
    "prepare": "jobs",
    "visualise": "jobs",
    "convert": "jobs",
    "savings": "studies",
    "convergence": "studies",
}
NAMES = tuple(_ROOMS)


def find(name: str):
    """Returns the `Job` of that name.

    Example:

    >>> find("pretrain").config_class.__name__
    'PretrainConfig'
    """
    module = importlib.import_module(f"layerlock.{_ROOMS[name]}.{name}")
    return getattr(module, name)
