"""The command `layerlock JOB --option=value ...`."""

from layerlock.cli.command import main as main, run as run
