"""Logistic regression on the mean feature of a clip."""

from layerlock.evaluation.probes._pooled import PooledProbe
from layerlock.evaluation.probes.base import positive


class LogisticProbe(PooledProbe):
    """Logistic regression, on features averaged over tokens.

    Args:
        penalties: tuple of floats, the inverse strengths of the L2 penalty
            (scikit-learn's `C`), the candidates. Defaults to
            `(0.01, 0.1, 1.0)`.
    """

    def __init__(self, penalties: tuple[float, ...] = (0.01, 0.1, 1.0)):
        self.penalties = positive("penalties", penalties)

    def classifiers(self, num_examples):
        from sklearn.linear_model import LogisticRegression

        for penalty in self.penalties:
            yield {"C": penalty}, LogisticRegression(C=penalty, max_iter=300)

    def get_config(self):
        return {"penalties": list(self.penalties)}
