"""The run directory and its files; `callbacks` write them during training."""

from layerlock.runs.configuration import (
    compare_config as compare_config,
    describe_run as describe_run,
)
from layerlock.runs.directory import RunDirectory as RunDirectory
from layerlock.runs.progress import Progress as Progress
