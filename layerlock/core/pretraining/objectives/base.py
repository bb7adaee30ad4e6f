"""The base class of objectives."""

import abc
import dataclasses
from typing import Any

from keras import ops

PREDICTORS = ("patchwise", "transformer", "projector")
TEACHERS = ("ema", "frozen", "self", "fixed")


@dataclasses.dataclass(frozen=True)
class Batch:
    """Numbers of a batch that an objective may use, beside its predictions.

    Args:
        step: optimizer updates done, an int or a scalar tensor. Defaults to
            `0`.
        seed: int, of random numbers. Defaults to `0`.
        index: number of the batch, an int or a scalar tensor. Defaults to `0`.
        masks_per_clip: int, of each kind. Defaults to `1`.
        positions: for each kind of mask, those of the visible and of the
            hidden patches, in patches; `()` unless the objective
            `predicts_visible`. int32, shape of each
            `(batch * masks_per_clip, picked, 3)`.
    """

    step: Any = 0
    seed: int = 0
    index: Any = 0
    masks_per_clip: int = 1
    positions: tuple = ()


class Objective(abc.ABC):
    """Defines the targets at the hidden tokens and their error.

    With `predicts_visible` the visible tokens are among them, at the front.

    A subclass is one file in `layerlock/core/pretraining/objectives/`, found
    by its file name, and can be built with no arguments. It contains
    formulas only: `MaskedPretraining` hides tokens, computes targets and
    averages errors.

    Attributes:
        predictor: the default predictor of the model:
            `"patchwise"`, the encoder's last blocks (`PatchwiseDecoder`);
            `"transformer"`, a separate network (`LatentPredictor`); or
            `"projector"`, an embedding of the visible tokens (`Projector`).
        default_mask: name of the default mask.
        teacher: the source of latent targets. `"frozen"`: the encoder's
            frozen layers; `"ema"`: a moving average of the encoder; `"self"`:
            the encoder itself, whose targets move with it and can
            collapse; `"fixed"`: another encoder, which never changes.
        target_gradient: bool, whether the gradient also flows through the
            targets. Not possible with an average or frozen layers.
        predicts_visible: bool, whether visible patches are predicted, too.
            The predictor is then `"transformer"`.
        chosen_layers: tuple of ints, targets that a user has chosen by their
            number. Defaults to none: those follow from the frozen layers.
        min_visible: int, minimum number of visible tokens per clip.
        default_masks_per_clip: int, masks of each kind that a clip gets.
        min_views: int, minimum number of masks per clip, of all kinds.

    Example:

    >>> class AbsoluteError(Objective):
    ...     def target_layers(self, frozen_layers):
    ...         return (frozen_layers,)
    ...     def compute_targets(self, values, layer):
    ...         return values
    ...     def token_error(self, predictions, targets):
    ...         return ops.abs(predictions - targets)
    ...     def get_config(self):
    ...         return {}
    """

    predictor = "patchwise"
    default_mask = "random"
    teacher = "frozen"
    target_gradient = False
    predicts_visible = False
    chosen_layers = ()
    min_visible = 1
    default_masks_per_clip = 1
    min_views = 1

    @abc.abstractmethod
    def target_layers(self, frozen_layers: int) -> tuple[int, ...]:
        """Returns the target layers while `frozen_layers` are frozen.

        Args:
            frozen_layers: int, number of frozen blocks.

        Returns:
            A tuple of ints: 0 is the pixels, k the output of block k. Layers
            above the deepest possible target are replaced by it. Negative
            numbers count from it: -1 is the deepest. An objective with
            `view_targets` returns an empty tuple at all stages.
        """

    def unfrozen_target_layers(self) -> tuple[int, ...]:
        """Returns the target layers of a run that never freezes."""
        return self.target_layers(0)

    def max_latent_targets(self, max_frozen_layers: int) -> int:
        """Maximum number of latent targets at the same time."""
        return 1

    def momentum_at(self, step):
        """Momentum of an `"ema"` teacher: the share of its old weights.

        Args:
            step: optimizer updates done, an int or a scalar tensor.

        Returns:
            A float or a float32 scalar tensor in [0, 1].
        """
        raise NotImplementedError(
            f"{type(self).__name__} has teacher={self.teacher!r} and no "
            "momentum. Define `momentum_at`."
        )

    def view_targets(self, predictions, masks_per_clip: int) -> list:
        """Computes the targets of an objective without target layers.

        Args:
            predictions: for each kind of mask, a tuple of one tensor
                `(batch * masks_per_clip, 1, dim)`. The masks of one clip
                follow each other.
            masks_per_clip: int.

        Returns:
            The targets, in the same structure.
        """
        raise NotImplementedError(
            f"{type(self).__name__} has no target layers. Define "
            "`view_targets`, or return layers from `target_layers`."
        )

    @abc.abstractmethod
    def compute_targets(self, values, layer: int):
        """Computes the targets from patches or latents.

        Args:
            values: Shape `(batch, hidden, patch_dim)` for layer 0, otherwise
                `(batch, hidden, hidden_dim)`. At least float32. Without
                gradient, unless `target_gradient`.
            layer: int, see `target_layers`.

        Output shape:
            Same as `values`.
        """

    @abc.abstractmethod
    def token_error(self, predictions, targets):
        """Error of every predicted value; its mean is the loss.

        Args:
            predictions: Shape `(batch, hidden, dim)`.
            targets: Shape `(batch, hidden, dim)`.

        Output shape:
            Same as `predictions`. Zero where prediction and target agree.
        """

    def undo_targets(self, predictions, values, layer: int):
        """Converts predictions back to patches or latents, for pictures.

        Args:
            predictions: Predicted targets.
            values: The true patches or latents. Same shape.
            layer: int, see `target_layers`.

        Output shape:
            Same as `predictions`. By default they are returned unchanged.
        """
        return predictions

    def target_weights(self, num_targets: int, step):
        """Weight of each target in the loss.

        Args:
            num_targets: int, the length of `target_layers`.
            step: optimizer updates done, an int or a scalar tensor.

        Returns:
            A sequence of floats or float32 scalar tensors. Equal weights of
            sum 1 by default.
        """
        return [1.0 / num_targets] * num_targets

    def loss(self, predictions, targets, step=0, token_weights=None):
        """Weighted sum over target layers of the mean error.

        Args:
            predictions: One tensor per target layer.
            targets: One tensor per target layer.
            step: optimizer updates done. Defaults to `0`.
            token_weights: factors of the errors. Shape `(batch, tokens, 1)`.
                Defaults to `None`: equal.

        Returns:
            A scalar.
        """
        weights = self.target_weights(len(targets), step)
        errors = [
            self.token_error(prediction, target)
            for prediction, target in zip(predictions, targets, strict=True)
        ]
        if token_weights is not None:
            errors = [
                error * ops.cast(token_weights, error.dtype) for error in errors
            ]
        return sum(
            ops.mean(error) * _scalar(weight, error.dtype)
            for error, weight in zip(errors, weights, strict=True)
        )

    def batch_loss(self, predictions, targets, batch: Batch):
        """Mean of `loss` over the kinds of masks.

        An objective that compares clips, or masks of different kinds, adds to
        it.

        Args:
            predictions: for each kind of mask, one tensor per target layer.
            targets: the same.
            batch: a `Batch`.

        Returns:
            A scalar.
        """
        losses = [
            self.loss(*pair, batch.step)
            for pair in zip(predictions, targets, strict=True)
        ]
        return sum(losses) / len(losses)

    def penalty_flops(self, num_embeddings: int, embedding_dim: int) -> int:
        """FLOPs that `batch_loss` adds to a batch, with gradient.

        Args:
            num_embeddings: int, views of all clips of the batch.
            embedding_dim: int, their features.
        """
        return 0

    @abc.abstractmethod
    def get_config(self) -> dict:
        """Returns the arguments of the constructor."""

    @classmethod
    def from_config(cls, config: dict):
        return cls(**config)


def _scalar(value, dtype):
    """Casts a tensor; returns a number unchanged."""
    return value if type(value) is float else ops.cast(value, dtype)
