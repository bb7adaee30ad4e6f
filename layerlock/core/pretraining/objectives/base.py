"""The contract of an objective: what is predicted and how wrong it is."""

import abc

from keras import ops

PREDICTORS = ("patchwise", "transformer")
TEACHERS = ("ema", "frozen", "self")


class Objective(abc.ABC):
    """What a masked model predicts at hidden tokens, and the error's formula.

    A subclass is one file in `layerlock/core/pretraining/objectives/`, found
    by its file name, and can be built with no arguments. It declares what it
    needs and writes formulas: `MaskedPretraining` hides tokens, reads targets
    and averages errors.

    Attributes:
        predictor: what predicts, unless the model is given a predictor:
            `"patchwise"`, the encoder's last blocks (`PatchwiseDecoder`), or
            `"transformer"`, a network of its own (`LatentPredictor`).
        default_mask: name of the mask that suits it.
        teacher: where latent targets come from. `"frozen"`: the encoder's
            frozen layers; `"ema"`: a moving average of the encoder; `"self"`:
            the encoder as it is, whose targets move with it and can
            collapse.
        target_gradient: bool, whether the gradient also flows through the
            targets. It cannot through an average or a frozen layer.
        min_visible: int, visible tokens that a clip needs.

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
    min_visible = 1

    @abc.abstractmethod
    def target_layers(self, frozen_layers: int) -> tuple[int, ...]:
        """Which outputs are predicted while `frozen_layers` are frozen.

        Args:
            frozen_layers: int, number of frozen blocks.

        Returns:
            A tuple of ints: 0 is the pixels, k the output of block k. Layers
            past the deepest target that the model has mean the deepest, and
            negative ones count from it, -1 first.
        """

    def unfrozen_target_layers(self) -> tuple[int, ...]:
        """Which outputs are predicted by a run that never freezes."""
        return self.target_layers(0)

    def max_latent_targets(self, max_frozen_layers: int) -> int:
        """Most latent targets that are ever predicted at the same time."""
        return 1

    def momentum_at(self, step):
        """Share of its old weights that an `"ema"` teacher keeps.

        Args:
            step: optimizer updates done, an int or a scalar tensor.

        Returns:
            A float or a float32 scalar tensor in [0, 1].
        """
        raise NotImplementedError(
            f"{type(self).__name__} has teacher={self.teacher!r} and does not "
            "say how much of its old weights it keeps: define `momentum_at`."
        )

    @abc.abstractmethod
    def compute_targets(self, values, layer: int):
        """Turns patches or latents into what is to be predicted.

        Args:
            values: Shape `(batch, hidden, patch_dim)` for layer 0, otherwise
                `(batch, hidden, hidden_dim)`. At least float32; no gradient
                reaches what they come from, unless `target_gradient`.
            layer: int, see `target_layers`.

        Output shape:
            Same as `values`.
        """

    @abc.abstractmethod
    def token_error(self, predictions, targets):
        """Error of every predicted number; the mean of it is the loss.

        Args:
            predictions: Shape `(batch, hidden, dim)`.
            targets: Shape `(batch, hidden, dim)`.

        Output shape:
            Same as `predictions`. Zero where prediction and target agree.
        """

    def undo_targets(self, predictions, values, layer: int):
        """Turns predictions back into patches or latents, for pictures.

        Args:
            predictions: Of what `compute_targets` returned for `values`.
            values: the true ones. Same shape.
            layer: int, see `target_layers`.

        Output shape:
            Same as `predictions`. By default they are returned as they are.
        """
        return predictions

    def target_weights(self, num_targets: int, step):
        """How much the error on each target counts in the loss.

        Args:
            num_targets: int, as many as `target_layers` returned.
            step: optimizer updates done, an int or a scalar tensor.

        Returns:
            A sequence of floats or float32 scalar tensors. By default the
            same for each, of sum 1.
        """
        return [1.0 / num_targets] * num_targets

    def loss(self, predictions, targets, step=0):
        """Weighted sum over target layers of the mean error.

        Args:
            predictions: One tensor per target layer.
            targets: One tensor per target layer.
            step: optimizer updates done. Defaults to `0`.

        Returns:
            A scalar.
        """
        weights = self.target_weights(len(targets), step)
        errors = [
            ops.mean(self.token_error(prediction, target))
            for prediction, target in zip(predictions, targets, strict=True)
        ]
        return sum(
            error * _scalar(weight, error.dtype)
            for error, weight in zip(errors, weights, strict=True)
        )

    @abc.abstractmethod
    def get_config(self) -> dict:
        """Returns the arguments of the constructor."""

    @classmethod
    def from_config(cls, config: dict):
        return cls(**config)


def _scalar(value, dtype):
    """A number as it is, a tensor in a precision."""
    return value if type(value) is float else ops.cast(value, dtype)
