"""Objectives: targets and their error, one file each."""

import keras

from layerlock import plugins
from layerlock.core.pretraining.objectives.base import (
    Batch as Batch,
    Objective as Objective,
)


def get(objective) -> Objective:
    """Returns an `Objective` from an instance, a name or a configuration.

    Args:
        objective: an `Objective`; the name of a file of this folder, such as
            `"mae"`; or the configuration from `keras.saving`.

    Raises:
        ValueError: if there is no such objective.
    """
    if isinstance(objective, dict):
        plugins.find_all(__name__, Objective)  # registers them with Keras
        objective = keras.saving.deserialize_keras_object(objective)
    return plugins.resolve(objective, __name__, Objective)
