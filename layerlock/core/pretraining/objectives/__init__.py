"""WHAT is predicted and how wrong it is: one file per objective."""

import keras

from layerlock import plugins
from layerlock.core.pretraining.objectives.base import Objective as Objective


def get(objective) -> Objective:
    """Turns a name, a Keras config or an instance into an `Objective`.

    Args:
        objective: an `Objective`; the name of a file of this folder, such as
            `"mae"`; or the dict that `keras.saving` made of an objective.

    Raises:
        ValueError: if there is no such objective.
    """
    if isinstance(objective, dict):
        plugins.find_all(
            __name__, Objective
        )  # So that Keras knows their names.
        objective = keras.saving.deserialize_keras_object(objective)
    return plugins.resolve(objective, __name__, Objective)
