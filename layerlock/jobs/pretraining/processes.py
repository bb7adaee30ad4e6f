"""The processes of a run."""

from layerlock import backends
from layerlock.backends import launchers
from layerlock.config import OptionError, PretrainConfig


def start(config: PretrainConfig):
    """Joins the processes of a run, before anything touches a device.

    Raises:
        ValueError: if they were not started as the backend needs it.
    """
    devices = config.devices
    if devices.distribution != "none":
        backends.start_processes(
            devices.coordinator, devices.num_processes, devices.process_id
        )
        return
    launcher = launchers.find()
    if launcher:
        raise OptionError(
            f"{launcher.name} started {launcher.num_processes} processes, and "
            "without a distribution each would train the same run. Use "
            "`distribution=data` or fsdp, or start one process."
        )
