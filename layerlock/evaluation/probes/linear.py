"""A linear map, trained by gradient descent."""

from layerlock.evaluation.probes._trained import TrainedProbe
from layerlock.models.readout import LinearReadout


class LinearProbe(TrainedProbe):
    """A `LinearReadout`: of the mean token, or of each token for its patch."""

    def readout(self, width, output_dim, num_queries, task):
        return LinearReadout(output_dim, pool=not task.is_dense)

    def block(self, features, task):
        frames, rows, columns, _ = features.shape
        return (task.frames // frames, task.size // rows, task.size // columns)
