"""The contract of an objective: what is predicted and how wrong it is."""

from keras import ops


class Objective:
    """What a masked model predicts at hidden tokens, and the error's formula.

    A subclass is one file in `layerlock/core/objectives/`, found by its file
    name, and can be built with no arguments. It writes formulas only: which
    tokens are hidden, where targets are read and how errors are averaged is
    the work of `MaskedPretraining`.

    Example:

    >>> class AbsoluteError(Objective):
    ...     def target_layers(self, frozen_layers):
    ...         return (frozen_layers,)
    ...     def compute_targets(self, values, layer):
    ...         return values
    ...     def token_error(self, predictions, targets):
    ...         return ops.abs(predictions - targets)
    """

    def target_layers(self, frozen_layers: int) -> tuple[int, ...]:
        """Which outputs are predicted while `frozen_layers` are frozen.

        Args:
            frozen_layers: int, number of frozen blocks.

        Returns:
            A tuple of ints: 0 is the pixels, k the output of block k.
        """
        raise NotImplementedError

    def max_latent_targets(self, max_frozen_layers: int) -> int:
        """Most latent targets that are ever predicted at the same time."""
        return 1

    def compute_targets(self, values, layer: int):
        """Turns patches or latents into what is to be predicted.

        Args:
            values: Shape `(batch, hidden, patch_dim)` for layer 0, otherwise
                `(batch, hidden, hidden_dim)`. At least float32; no gradient
                reaches what they come from.
            layer: int, see `target_layers`.

        Output shape:
            Same as `values`.
        """
        raise NotImplementedError

    def token_error(self, predictions, targets):
        """Error of every predicted number; the mean of it is the loss.

        Args:
            predictions: Shape `(batch, hidden, dim)`.
            targets: Shape `(batch, hidden, dim)`.

        Output shape:
            Same as `predictions`. Zero where prediction and target agree.
        """
        raise NotImplementedError

    def loss(self, predictions, targets):
        """Mean error over tokens, features and target layers.

        Args:
            predictions: One tensor per target layer.
            targets: One tensor per target layer.

        Returns:
            A scalar.
        """
        losses = [
            ops.mean(self.token_error(prediction, target))
            for prediction, target in zip(predictions, targets, strict=True)
        ]
        return sum(losses) / len(losses)

    def get_config(self) -> dict:
        return {}

    @classmethod
    def from_config(cls, config: dict):
        return cls(**config)
