"""Trains on several virtual devices: `python -m
tests.backends.tensorflow.training FOLDER DEVICES`.
"""

import pathlib
import sys

import numpy as np
import tensorflow as tf

from tests.backends import spread
from tests.backends.spread import Run

RUNS = [
    Run("data", accumulation=2),
    Run("data", "vjepa"),
    Run("data", "lejepa"),
]


def main(folder, num_devices):
    """Runs all trainings, and writes what they logged and learnt."""
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0],
        [tf.config.LogicalDeviceConfiguration()] * int(num_devices),
    )
    for run in RUNS:
        np.savez(pathlib.Path(folder, f"{run.name}.npz"), **spread.train(run))


if __name__ == "__main__":
    main(*sys.argv[1:])
