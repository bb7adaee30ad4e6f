"""The nearest neighbours of a clip's mean feature."""

import numpy as np

from layerlock.evaluation.probes import _pooled
from layerlock.evaluation.probes.base import Probe, choose


class NearestNeighbours(Probe):
    """k-nearest neighbours by cosine, on features averaged over tokens.

    Args:
        neighbours: tuple of ints, the numbers to choose from.
    """

    def __init__(self, neighbours: tuple[int, ...] = (5, 10, 20, 50)):
        self.neighbours = neighbours

    def fit(self, train, validation, task):
        from sklearn.neighbors import KNeighborsClassifier

        self.scale = _pooled.Scale(train)
        x, y = self.scale(train)
        held_out, truth = self.scale(validation)
        self.num_classes = len(task.class_names)

        def candidates():
            for count in self.neighbours:
                fitted = KNeighborsClassifier(
                    min(count, len(x)), weights="distance", metric="cosine"
                ).fit(x.reshape(-1, x.shape[-1]), y.repeat(x.shape[1]))
                predictions = _pooled.probabilities(
                    fitted, held_out, self.num_classes
                )
                yield {"neighbours": count}, fitted, predictions

        self.fitted, self.trials = choose(candidates(), truth, task)

    def predict(self, features) -> np.ndarray:
        return _pooled.probabilities(
            self.fitted, self.scale(features)[0], self.num_classes
        )

    def get_config(self):
        return {"neighbours": list(self.neighbours)}
