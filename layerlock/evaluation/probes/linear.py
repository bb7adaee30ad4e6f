"""A linear map, trained by gradient descent."""

from layerlock.evaluation.probes._trained import TrainedProbe
from layerlock.models.linear_readout import LinearReadout


class LinearProbe(TrainedProbe):
    """A `LinearReadout` of the mean token, or of each token if dense."""

    def readout(self, width, outputs):
        return LinearReadout(outputs.output_dim, pool=not outputs.is_dense)

    def block(self, grid, task):
        frames, rows, columns = grid
        return (task.frames // frames, task.size // rows, task.size // columns)
