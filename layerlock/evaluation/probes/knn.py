"""Nearest neighbours of the mean feature of a clip."""

from layerlock.evaluation.probes._pooled import PooledProbe
from layerlock.evaluation.probes.base import positive


class NearestNeighbours(PooledProbe):
    """k-nearest neighbours by cosine, on features averaged over tokens.

    Args:
        neighbours: tuple of ints, the candidates for k. Defaults to
            `(5, 10, 20, 50)`.
    """

    def __init__(self, neighbours: tuple[int, ...] = (5, 10, 20, 50)):
        self.neighbours = positive("neighbours", neighbours, int)

    def classifiers(self, num_examples):
        from sklearn.neighbors import KNeighborsClassifier

        for count in self.neighbours:
            yield (
                {"neighbours": count},
                KNeighborsClassifier(
                    min(count, num_examples),
                    weights="distance",
                    metric="cosine",
                ),
            )

    def get_config(self):
        return {"neighbours": list(self.neighbours)}
