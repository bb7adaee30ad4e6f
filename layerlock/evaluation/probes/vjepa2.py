"""Self-attention, then a learned query: the probe of V-JEPA 2."""

from layerlock.evaluation.probes._trained import TrainedProbe
from layerlock.evaluation.probes.base import positive
from layerlock.models.deep_readout import DeepAttentiveReadout


class VJEPA2Probe(TrainedProbe):
    """A `DeepAttentiveReadout`, in V-JEPA 2's depth and number of heads.

    V-JEPA 2 reads the features after the last norm (`layer="final_norm"`).

    Args:
        num_blocks: int, blocks of the readout, the last of which has the
            query. Defaults to `4`.
        num_heads: int, a divisor of the width of the features. Defaults to
            `None`: 16 for features at least 768 wide, 4 for narrower ones.
        weights: str, the folder of an import whose readout is the start, and
            has the sizes; with `steps=0` it is not trained. Defaults to
            `None`.
        **kwargs: as for `TrainedProbe`.
    """

    is_dense = False
    rates = (3e-4, 1e-3)

    def __init__(
        self,
        learning_rates: tuple[float, ...] | None = None,
        steps: int | None = None,
        batch_size: int | None = None,
        weight_decay: float = 1e-2,
        seed: int = 0,
        verbose: int = 0,
        num_blocks: int = 4,
        num_heads: int | None = None,
        weights: str | None = None,
    ):
        first = None if weights and steps == 0 else steps
        super().__init__(
            learning_rates, first, batch_size, weight_decay, seed, verbose
        )
        self.start_from(weights, DeepAttentiveReadout, steps)
        positive("num_blocks", num_blocks, int)
        if num_heads is not None:
            positive("num_heads", num_heads, int)
        self.num_blocks = num_blocks
        self.num_heads = num_heads

    def check(self, width):
        if self.start:
            self.start.check(width)
            return
        heads = self._heads(width)
        if width % heads:
            raise ValueError(
                "`num_heads` must divide the width of the features. Received: "
                f"num_heads={heads}, and features {width} wide."
            )

    def readout(self, width, outputs):
        return DeepAttentiveReadout(
            outputs.output_dim,
            outputs.num_queries,
            num_blocks=self.num_blocks,
            num_heads=self._heads(width),
        )

    def get_config(self):
        return {
            **super().get_config(),
            "num_blocks": self.num_blocks,
            "num_heads": self.num_heads,
            "weights": self.weights,
        }

    def _heads(self, width):
        return self.num_heads or (16 if width >= 768 else 4)
