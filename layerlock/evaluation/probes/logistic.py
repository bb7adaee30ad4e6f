"""Logistic regression on a clip's mean feature."""

import numpy as np

from layerlock.evaluation.probes import _pooled
from layerlock.evaluation.probes.base import Probe, choose


class LogisticProbe(Probe):
    """Logistic regression, on standardised features averaged over tokens.

    Args:
        penalties: tuple of floats, the inverse strengths of the L2 penalty
            (scikit-learn's `C`) to choose from.
    """

    def __init__(self, penalties: tuple[float, ...] = (0.01, 0.1, 1.0)):
        self.penalties = penalties

    def fit(self, train, validation, task):
        from sklearn.linear_model import LogisticRegression

        self.scale = _pooled.Scale(train)
        x, y = self.scale(train)
        held_out, truth = self.scale(validation)
        self.num_classes = len(task.class_names)

        def candidates():
            for penalty in self.penalties:
                fitted = LogisticRegression(C=penalty, max_iter=300).fit(
                    x.reshape(-1, x.shape[-1]), y.repeat(x.shape[1])
                )
                predictions = _pooled.probabilities(
                    fitted, held_out, self.num_classes
                )
                yield {"C": penalty}, fitted, predictions

        self.fitted, self.trials = choose(candidates(), truth, task)

    def predict(self, features) -> np.ndarray:
        return _pooled.probabilities(
            self.fitted, self.scale(features)[0], self.num_classes
        )

    def get_config(self):
        return {"penalties": list(self.penalties)}
