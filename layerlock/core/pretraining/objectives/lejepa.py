"""LeJEPA: views of a clip agree, and embeddings are Gaussian. No teacher."""

import keras
from keras import ops

from layerlock.core.pretraining import sigreg
from layerlock.core.pretraining.objectives.base import Objective


@keras.saving.register_keras_serializable("layerlock")
class LeJEPA(Objective):
    """Compares embeddings of the views of a clip, without a teacher.

    A view is the visible patches of one mask. The encoder processes its tokens,
    and a `Projector` maps their mean to an embedding. The target of every view
    is the mean of all views of the clip; the gradient flows through both. The
    loss is `1 - sigreg_weight` times the squared error plus `sigreg_weight`
    times SIGReg, which moves the embeddings of different clips towards an
    isotropic Gaussian. Without it all clips get the same embedding.

    Reference: [LeJEPA, Balestriero and LeCun, 2025](
    https://arxiv.org/abs/2511.08544); [LeVJEPA, Kuhn et al., 2026](
    https://arxiv.org/abs/2608.27395) for video: the defaults, and views that
    hide 95 % of the patches. Their views are also cropped and recoloured in
    different ways; here they differ in their patches only.

    Args:
        sigreg_weight: float from 0 to below 1, lambda in the papers. With 0
            the embeddings collapse. Defaults to `0.02`.
        num_slices: int, random directions per step. Defaults to `1024`.
        num_knots: int, at least 2, points at which characteristic functions
            are compared. Defaults to `17`.
        last_knot: float, the largest of these points. Defaults to `3.0`.

    Raises:
        ValueError: if an argument is out of its range.

    Example:

    >>> objective = LeJEPA(sigreg_weight=0.05)
    >>> objective.target_layers(3), objective.default_masks_per_clip
    ((), 4)
    """

    predictor = "projector"
    teacher = "self"
    target_gradient = True
    default_masks_per_clip = 4
    min_views = 2

    def __init__(
        self,
        sigreg_weight=0.02,
        num_slices=1024,
        num_knots=17,
        last_knot=3.0,
    ):
        if not 0 <= sigreg_weight < 1:
            raise ValueError(
                "`sigreg_weight` is the share of SIGReg in the loss, from 0 to "
                f"below 1. Received: sigreg_weight={sigreg_weight}."
            )
        counts = (num_slices, num_knots)
        are_whole = all(isinstance(count, int) for count in counts)
        if not are_whole or min(counts) < 1 or num_knots < 2 or last_knot <= 0:
            raise ValueError(
                "`num_slices` is a whole number of at least 1, `num_knots` "
                "one of at least 2, and `last_knot` is above 0. Received: "
                f"num_slices={num_slices}, num_knots={num_knots}, "
                f"last_knot={last_knot}."
            )
        self.sigreg_weight = sigreg_weight
        self.num_slices = num_slices
        self.num_knots = num_knots
        self.last_knot = last_knot

    def target_layers(self, frozen_layers):
        return ()

    def max_latent_targets(self, max_frozen_layers):
        return 0

    def view_targets(self, predictions, masks_per_clip):
        mean = ops.mean(_by_view(predictions, masks_per_clip), axis=0)
        targets = ops.repeat(mean[:, None], masks_per_clip, axis=0)
        return [(targets,)] * len(predictions)

    def compute_targets(self, values, layer):
        return values

    def token_error(self, predictions, targets):
        return ops.square(predictions - targets)

    def target_weights(self, num_targets, step):
        return [(1.0 - self.sigreg_weight) / num_targets] * num_targets

    def batch_loss(self, predictions, targets, batch):
        error = super().batch_loss(predictions, targets, batch)
        if not self.sigreg_weight:
            return error
        embeddings = _by_view(predictions, batch.masks_per_clip)
        directions = sigreg.directions(
            self.num_slices, embeddings.shape[-1], batch.seed, batch.index
        )
        statistic = sigreg.sigreg(
            embeddings, directions, self.num_knots, self.last_knot
        )
        return error + self.sigreg_weight * statistic

    def penalty_flops(self, num_embeddings, embedding_dim):
        if not self.sigreg_weight:
            return 0
        # Projection onto the directions, and the gradient of the embeddings.
        return 2 * 2 * num_embeddings * embedding_dim * self.num_slices

    def get_config(self):
        return {
            "sigreg_weight": self.sigreg_weight,
            "num_slices": self.num_slices,
            "num_knots": self.num_knots,
            "last_knot": self.last_knot,
        }


def _by_view(predictions, masks_per_clip):
    """Stacks the embeddings of all views: `(views, clips, dim)`.

    Args:
        predictions: for each kind of mask, a tuple of one tensor
            `(clips * masks_per_clip, 1, dim)`; the masks of one clip follow
            each other.
        masks_per_clip: int.
    """
    views = ops.concatenate(
        [
            ops.reshape(view, (-1, masks_per_clip, view.shape[-1]))
            for (view,) in predictions
        ],
        axis=1,
    )
    return ops.transpose(views, (1, 0, 2))
