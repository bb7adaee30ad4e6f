"""Cross-attention from learned queries, the probe of the paper."""

import keras

from layerlock.evaluation.probes._trained import TrainedProbe
from layerlock.evaluation.probes.base import positive
from layerlock.models.readout import AttentiveReadout


class AttentiveProbe(TrainedProbe):
    """An `AttentiveReadout`, in the paper's size for wide encoders.

    Args:
        hidden_dim: int, features of a query. Defaults to `None`: 1024 for
            features at least 768 wide, 128 for narrower ones.
        num_heads: int. Defaults to `None`: 16 for features at least 768 wide,
            4 for narrower ones.
        num_frames: int, frames of the resized features. Defaults to `None`:
            no resizing.
        weights: str, the folder of an import whose readout is the start, and
            has the sizes; with `steps=0` it is not trained. Defaults to
            `None`.
        **kwargs: as for `TrainedProbe`.
    """

    rates = (1e-3, 2e-3)

    def __init__(
        self,
        learning_rates: tuple[float, ...] | None = None,
        steps: int | None = None,
        batch_size: int | None = None,
        weight_decay: float = 1e-4,
        seed: int = 0,
        verbose: int = 0,
        hidden_dim: int | None = None,
        num_heads: int | None = None,
        num_frames: int | None = None,
        weights: str | None = None,
    ):
        first = None if weights and steps == 0 else steps
        super().__init__(
            learning_rates, first, batch_size, weight_decay, seed, verbose
        )
        self.start_from(weights, AttentiveReadout, steps)
        for name, number in (
            ("hidden_dim", hidden_dim),
            ("num_heads", num_heads),
            ("num_frames", num_frames),
        ):
            if number is not None:
                positive(name, number, int)
        self.hidden_dim = hidden_dim
        self.num_heads = num_heads
        self.num_frames = num_frames

    def check(self, width):
        if self.start:
            self.start.check(width)
            return
        dim, heads = self._sizes(width)
        if dim % heads:
            raise ValueError(
                "`num_heads` must divide `hidden_dim`. Received: "
                f"hidden_dim={dim}, num_heads={heads}."
            )

    def readout(self, width, outputs):
        dim, heads = self._sizes(width)
        return AttentiveReadout(
            outputs.output_dim,
            outputs.num_queries,
            hidden_dim=dim,
            num_heads=heads,
            num_frames=self.num_frames,
        )

    def _sizes(self, width):
        is_wide = width >= 768
        return (
            self.hidden_dim or (1024 if is_wide else 128),
            self.num_heads or (16 if is_wide else 4),
        )

    def attention(self, features):
        if self.outputs.is_dense:
            return None  # a map per block of pixels
        [readout] = [
            layer
            for layer in self.model.layers
            if isinstance(layer, AttentiveReadout)
        ]
        return keras.ops.convert_to_numpy(readout.attention_weights(features))[
            :, 0
        ]

    def get_config(self):
        return {
            **super().get_config(),
            "hidden_dim": self.hidden_dim,
            "num_heads": self.num_heads,
            "num_frames": self.num_frames,
            "weights": self.weights,
        }
