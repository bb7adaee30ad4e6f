"""What probes on averaged features share."""

import numpy as np


class Scale:
    """Moves each feature to zero mean and unit spread over a training split."""

    def __init__(self, train):
        values, _ = train.pooled()
        self.mean = values.mean(axis=(0, 1))
        self.spread = values.std(axis=(0, 1)) + 1e-6

    def __call__(self, features):
        """Returns features `(examples, views, dim)` and targets."""
        values, targets = features.pooled()
        return (values - self.mean) / self.spread, targets


def probabilities(fitted, values, num_classes: int) -> np.ndarray:
    """Probabilities of all classes, those never seen too; mean over views."""
    examples, views, dim = values.shape
    found = fitted.predict_proba(values.reshape(-1, dim))
    result = np.zeros((len(found), num_classes), "float32")
    result[:, fitted.classes_] = found
    return result.reshape(examples, views, num_classes).mean(axis=1)
