"""Masked auto-encoding: pixels first, then the newest frozen layer."""

import keras

from layerlock.core.pretraining.objectives._normalized import NormalizedTargets


@keras.saving.register_keras_serializable("layerlock")
class MaskedAutoencoding(NormalizedTargets):
    """Predicts hidden pixels, then the output of the newest frozen layer.

    While nothing is frozen the target is the pixels of the hidden patches.
    With k frozen blocks it is h_k, the output of block k on the whole clip.
    The error is the square of the difference.

    Reference: LayerLock (arXiv 2509.10156), section 3. The normalisation of
    both targets is not in the paper: that of the masked auto-encoder (He et
    al., 2021) for pixels, a LayerNorm without parameters for latents.

    Args:
        target: `"latents"` is LayerLock; `"pixels"` keeps the pixels as the
            target at all stages (freezing only). Defaults to `"latents"`.
        target_lag: int, distance of the target below the newest frozen
            layer; the target is the pixels while it is below layer 1. With a
            negative lag the target is above the frozen layers and moves; the
            model needs `allow_moving_target=True` then. Defaults to `0`.
        all_targets: bool, whether to predict the pixels and all earlier
            layers too. Defaults to `False`.
        normalize_pixels: bool, each patch to mean 0 and variance 1; or
            `"channels"`, each colour of a patch, as VideoMAE does. Defaults
            to `True`.
        normalize_latents: bool, LayerNorm without parameters. Defaults to
            `True`.
        epsilon: float, added to variances. Defaults to `1e-6`.
        predictor: `"patchwise"`, the encoder's last blocks, or
            `"transformer"`, separate blocks after the encoder, such as the
            decoder of VideoMAE. Defaults to `"patchwise"`.

    Raises:
        ValueError: if `target` or `predictor` is unknown.

    Example:

    >>> objective = MaskedAutoencoding(target_lag=1)
    >>> [objective.target_layers(k) for k in range(4)]
    [(0,), (0,), (1,), (2,)]
    """

    def __init__(
        self,
        target="latents",
        target_lag=0,
        all_targets=False,
        normalize_pixels=True,
        normalize_latents=True,
        epsilon=1e-6,
        predictor="patchwise",
    ):
        super().__init__(normalize_pixels, normalize_latents, epsilon)
        if predictor not in ("patchwise", "transformer"):
            raise ValueError(
                "`predictor` must be 'patchwise' or 'transformer'. "
                f"Received: predictor={predictor!r}."
            )
        if target not in ("latents", "pixels"):
            raise ValueError(
                "`target` must be 'latents' or 'pixels'. "
                f"Received: target={target!r}."
            )
        if target == "pixels" and (target_lag or all_targets):
            raise ValueError(
                "`target_lag` and `all_targets` need latent targets. "
                f"Received: target='pixels', target_lag={target_lag}, "
                f"all_targets={all_targets}. Use target='latents'."
            )
        if target_lag != int(target_lag):
            raise ValueError(
                "`target_lag` counts layers. "
                f"Received: target_lag={target_lag}."
            )
        self.target = target
        self.target_lag = target_lag
        self.all_targets = all_targets
        self.predictor = predictor

    def target_layers(self, frozen_layers):
        if self.target == "pixels":
            return (0,)
        newest = max(frozen_layers - self.target_lag, 0)
        return tuple(range(newest + 1)) if self.all_targets else (newest,)

    def max_latent_targets(self, max_frozen_layers):
        return max(max_frozen_layers, 1) if self.all_targets else 1

    def get_config(self):
        return {
            "target": self.target,
            "target_lag": self.target_lag,
            "all_targets": self.all_targets,
            "normalize_pixels": self.normalize_pixels,
            "normalize_latents": self.normalize_latents,
            "epsilon": self.epsilon,
            "predictor": self.predictor,
        }
