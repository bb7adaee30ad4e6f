"""The formulas of objectives that predict normalised patches and latents."""

from keras import ops

from layerlock.core.normalization import denormalize, normalize
from layerlock.core.pretraining.objectives.base import Objective


class NormalizedTargets(Objective):
    """Squared errors on pixels and latents, both optionally normalised.

    The normalisations are VideoMAE's for pixels, and a LayerNorm without
    parameters for latents.

    Args:
        normalize_pixels: bool, each patch to mean 0 and variance 1.
        normalize_latents: bool, likewise each latent.
        epsilon: float, added to variances.
    """

    def __init__(self, normalize_pixels, normalize_latents, epsilon):
        self.normalize_pixels = normalize_pixels
        self.normalize_latents = normalize_latents
        self.epsilon = epsilon

    def compute_targets(self, values, layer):
        return (
            normalize(values, self.epsilon)
            if self._is_normalized(layer)
            else values
        )

    def undo_targets(self, predictions, values, layer):
        return (
            denormalize(predictions, values)
            if self._is_normalized(layer)
            else predictions
        )

    def token_error(self, predictions, targets):
        return ops.square(predictions - targets)

    def _is_normalized(self, layer):
        return self.normalize_latents if layer else self.normalize_pixels
