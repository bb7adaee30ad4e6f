"""The linear maps from tokens to targets, which every predictor ends with."""

from layerlock.models.numerics import Linear


class TargetHeads:
    """Mixin of a predictor: one map to pixels, and some to outputs of blocks.

    All exist from the start; which of them are live depends on the targets.
    One latent head serves every block; with more, head `k` serves block `k`
    alone.
    """

    def add_heads(self, patch_dim, hidden_dim, num_latent_heads):
        """Creates the heads, in the constructor of the predictor.

        Args:
            patch_dim: int, values in a patch.
            hidden_dim: int, features of a token of the encoder.
            num_latent_heads: int.
        """
        self.num_latent_heads = num_latent_heads
        self.pixel_head = self._head(patch_dim, "pixel_head")
        self.latent_heads = [
            self._head(hidden_dim, f"latent_head_{number}")
            for number in range(1, num_latent_heads + 1)
        ]

    @property
    def heads(self) -> list:
        """Every linear map, live or not."""
        return [self.pixel_head, *self.latent_heads]

    def head_layers(self, target_layers) -> list:
        """Returns the linear maps that are live for these targets."""
        live = []
        for target in target_layers:
            head = self.head_of(target)
            if not any(head is other for other in live):
                live.append(head)
        return live

    def head_of(self, target: int):
        """Returns the linear map to one target: 0 for pixels, k for block k."""
        if target == 0:
            return self.pixel_head
        if target > 0 and self.num_latent_heads == 1:
            return self.latent_heads[0]
        if not 0 < target <= self.num_latent_heads:
            raise ValueError(
                f"No head predicts layer {target}. Expected 0 for pixels, or "
                f"1 to {self.num_latent_heads} for blocks. Make the predictor "
                f"with `num_latent_heads={target}`, or with 1 for a head that "
                "serves every block."
            )
        return self.latent_heads[target - 1]

    def _head(self, units, name):
        return Linear(units, dtype=self.dtype_policy, name=name)


def check_width(predictor, encoder):
    """Raises unless a predictor is made for tokens of the encoder's width."""
    if encoder.hidden_dim != predictor.hidden_dim:
        raise ValueError(
            "The predictor and the encoder must have the same width. "
            f"Received: predictor.hidden_dim={predictor.hidden_dim}, "
            f"encoder.hidden_dim={encoder.hidden_dim}."
        )
