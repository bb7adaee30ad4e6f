"""The predictor of a model that is built without one."""

from layerlock.models.decoder import PatchwiseDecoder
from layerlock.models.predictor import LatentPredictor
from layerlock.models.projector import Projector


def default_predictor(encoder, objective, mask, latent_dim=None):
    """Builds the predictor that suits an objective and an encoder's size.

    Args:
        encoder: a `VideoEncoder`.
        objective: an `Objective`.
        mask: a `Mask`. A `LatentPredictor` has one mask token for each of its
            kinds.
        latent_dim: int, features of a token of a teacher. Defaults to the
            encoder's.

    Returns:
        A `Projector` for objectives with `predictor = "projector"`, a
        `LatentPredictor` for `"transformer"`, else a `PatchwiseDecoder`.
    """
    if objective.predictor == "projector":
        return Projector.for_encoder(encoder)
    num_latent_heads = objective.max_latent_targets
    if objective.predictor == "transformer":
        return LatentPredictor.for_encoder(
            encoder,
            num_mask_kinds=len(mask.counts(encoder.grid())),
            num_latent_heads=num_latent_heads(encoder.num_layers),
            latent_dim=latent_dim,
            predicts_visible=objective.predicts_visible,
        )
    max_frozen_layers = encoder.num_layers - encoder.num_decoder_layers
    return PatchwiseDecoder.for_encoder(
        encoder, num_latent_heads(max_frozen_layers)
    )
