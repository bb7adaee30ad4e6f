"""The heads of a predictor: linear maps from tokens to targets."""

from layerlock import backends
from layerlock.models.weights import Linear


class TargetHeads:
    """Mixin of a predictor: a head for pixels, and heads for blocks.

    All heads exist from the start; only heads of the current targets are
    trained. A single latent head predicts every block; with more, head `k`
    predicts block `k` only.

    A custom predictor inherits from it and from `keras.layers.Layer`,
    calls `add_heads` in its constructor, and defines

    - `call`, with the arguments of `__call__`: from visible tokens to one
      tensor per target layer, `(batch, hidden, dim)`;
    - `encoder_layers(encoder)`: the number of encoder blocks that process
      visible tokens only, which are the blocks that may freeze.

    A predictor without heads, such as `Projector`, is for objectives without
    target layers.

    Attributes:
        block_sizes: tuple of ints, for `core.costs`: number, width, MLP width
            and attention heads of the predictor's own blocks; `None` without
            own blocks.
        block_remat: tuple of str, for `core.costs`: the policy of each of its
            own blocks, see `layerlock.models.remat`; `()`: nothing is computed
            again.
        mlp_sizes: tuple of ints, for `core.costs`: width, hidden features and
            outputs of a `Projector`; `None` for others.
    """

    block_sizes = None
    block_remat = ()
    mlp_sizes = None

    def __call__(
        self,
        visible_tokens,
        visible_positions,
        hidden_positions,
        encoder,
        target_layers,
        grid=None,
        mask_kind=0,
    ):
        # Keras accepts only tensors as positional arguments.
        return super().__call__(
            visible_tokens,
            visible_positions,
            hidden_positions,
            encoder=encoder,
            target_layers=tuple(target_layers),
            grid=grid,
            mask_kind=mask_kind,
        )

    def add_heads(self, patch_dim, latent_dim, num_latent_heads):
        """Creates the heads, in the constructor of the predictor.

        Args:
            patch_dim: int, values in a patch.
            latent_dim: int, features of a block's output.
            num_latent_heads: int.
        """
        self.num_latent_heads = num_latent_heads
        self.pixel_head = self._head(patch_dim, "pixel_head")
        self.latent_heads = [
            self._head(latent_dim, f"latent_head_{number}")
            for number in range(1, num_latent_heads + 1)
        ]

    @property
    def heads(self) -> list:
        """All heads, trained or not."""
        return [self.pixel_head, *self.latent_heads]

    def head_layers(self, target_layers) -> list:
        """Returns the heads of these targets."""
        if not target_layers:
            raise ValueError(
                "An objective without target layers compares embeddings, and "
                f"a {type(self).__name__} computes none. Pass a `Projector` as "
                "`predictor`, or leave it out."
            )
        live = []
        for target in target_layers:
            head = self.head_of(target)
            if not any(head is other for other in live):
                live.append(head)
        return live

    def switch_heads(self, target_layers, reset=False) -> list:
        """Makes only the heads of these targets trainable.

        Args:
            target_layers: tuple of ints, see `head_of`.
            reset: bool, whether to re-initialise heads that stay in use.

        Returns:
            The variables that were re-initialised.
        """
        live = self.head_layers(target_layers)
        stay = [head for head in live if head.trainable]
        for head in self.heads:
            head.trainable = any(head is other for other in live)
        return _initialize(stay) if reset else []

    def head_of(self, target: int):
        """Returns the head of a target: 0 for pixels, k for block k."""
        if target == 0:
            return self.pixel_head
        if target > 0 and self.num_latent_heads == 1:
            return self.latent_heads[0]
        if not 0 < target <= self.num_latent_heads:
            raise ValueError(
                f"No head predicts layer {target}. Expected 0 for pixels, or "
                f"1 to {self.num_latent_heads} for blocks. Build the predictor "
                f"with `num_latent_heads={target}`, or with 1 for a head that "
                "predicts every block."
            )
        return self.latent_heads[target - 1]

    def _head(self, units, name):
        return Linear(units, dtype=self.dtype_policy, name=name)


def _initialize(layers):
    """Re-initialises the weights of layers; returns the variables."""
    for layer in layers:
        for variable, initializer in (
            (layer.kernel, layer.kernel_initializer),
            (layer.bias, layer.bias_initializer),
        ):
            shape = backends.whole(variable).shape
            variable.assign(initializer(tuple(shape), variable.dtype))
    return [variable for layer in layers for variable in layer.variables]


def check_width(predictor, encoder):
    """Raises unless predictor and encoder have the same width."""
    if encoder.hidden_dim != predictor.hidden_dim:
        raise ValueError(
            "The predictor and the encoder must have the same width. "
            f"Received: predictor.hidden_dim={predictor.hidden_dim}, "
            f"encoder.hidden_dim={encoder.hidden_dim}."
        )
