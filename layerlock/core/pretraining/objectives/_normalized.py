"""The formulas of objectives that predict normalised patches and latents."""

from keras import ops

from layerlock.core.normalization import denormalize, normalize
from layerlock.core.pretraining.objectives.base import Objective

CHANNELS = "channels"


class NormalizedTargets(Objective):
    """Squared errors on pixels and latents, both optionally normalised.

    The normalisations are those of the masked auto-encoder (He et al., 2021)
    or VideoMAE for pixels, and a LayerNorm without parameters for latents.

    Args:
        normalize_pixels: bool, each patch to mean 0 and variance 1; or
            `"channels"`, each colour of a patch, as VideoMAE does, where
            variances have the divisor n - 1 instead of n.
        normalize_latents: bool, likewise each latent.
        epsilon: float, added to variances.
    """

    def __init__(self, normalize_pixels, normalize_latents, epsilon):
        if normalize_pixels not in (True, False, CHANNELS):
            raise ValueError(
                f"`normalize_pixels` must be True, False or {CHANNELS!r}. "
                f"Received: normalize_pixels={normalize_pixels!r}."
            )
        self.normalize_pixels = normalize_pixels
        self.normalize_latents = normalize_latents
        self.epsilon = epsilon

    def compute_targets(self, values, layer):
        if not self._is_normalized(layer):
            return values
        if self._is_by_channel(layer):
            return _joined(normalize(_by_channel(values), self.epsilon))
        return normalize(values, self.epsilon)

    def undo_targets(self, predictions, values, layer):
        if not self._is_normalized(layer):
            return predictions
        if self._is_by_channel(layer):
            split = _by_channel(predictions), _by_channel(values)
            return _joined(denormalize(*split))
        return denormalize(predictions, values)

    def token_error(self, predictions, targets):
        return ops.square(predictions - targets)

    def _is_normalized(self, layer):
        return self.normalize_latents if layer else self.normalize_pixels

    def _is_by_channel(self, layer):
        return not layer and self.normalize_pixels == CHANNELS


def _by_channel(patches):
    """From `(..., pixels * 3)` to `(..., 3, pixels)`."""
    shape = (*ops.shape(patches)[:-1], patches.shape[-1] // 3, 3)
    return ops.swapaxes(ops.reshape(patches, shape), -1, -2)


def _joined(channels):
    """The inverse of `_by_channel`."""
    patches = ops.swapaxes(channels, -1, -2)
    shape = (*ops.shape(patches)[:-2], 3 * patches.shape[-2])
    return ops.reshape(patches, shape)
