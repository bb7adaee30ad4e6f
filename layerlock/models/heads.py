"""The heads of a predictor: linear maps from tokens to targets."""

from keras import ops

from layerlock import backends
from layerlock.models.numerics import at_least_float32
from layerlock.models.weights import Linear


class TargetHeads:
    """Mixin of a predictor: a head for pixels, and heads for blocks.

    All heads exist from the start; only heads of the current targets are
    trained. A single latent head predicts every block; with more, head `k`
    predicts block `k` only.

    A custom predictor inherits from it and from `keras.layers.Layer`,
    calls `add_heads` in its constructor, and defines

    - `call`, with the arguments of `__call__`: from visible tokens to one
      tensor per target layer, `(batch, hidden, dim)`, such as what
      `apply_heads` returns, with visible tokens first if `predicts_visible`;
    - `encoder_layers(encoder)`: the number of encoder blocks that process
      visible tokens only, which are the blocks that may freeze.

    A predictor without heads, such as `Projector`, is for objectives without
    target layers.

    Attributes:
        block_sizes: tuple of ints, for `core.costs`: number, width, MLP width
            and attention heads of the predictor's own blocks; `None` without
            own blocks.
        predicts_visible: bool, whether it predicts the visible patches, too,
            before the hidden ones, with heads of their own. Defaults to
            `False`.
        block_remat: tuple of str, for `core.costs`: the policy of each of its
            own blocks, see `layerlock.models.remat`; `()`: nothing is computed
            again.
        mlp_sizes: tuple of ints, for `core.costs`: width, hidden features and
            outputs of a `Projector`; `None` for others.
    """

    block_sizes = None
    block_remat = ()
    mlp_sizes = None
    predicts_visible = False
    visible_heads = ()

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

    def add_heads(
        self, patch_dim, latent_dim, num_latent_heads, predicts_visible=False
    ):
        """Creates the heads, in the constructor of the predictor.

        Args:
            patch_dim: int, values in a patch.
            latent_dim: int, features of a block's output.
            num_latent_heads: int.
            predicts_visible: bool, whether there is a second head for each
                target, of the visible patches. Defaults to `False`.
        """
        self.num_latent_heads = num_latent_heads
        self.predicts_visible = predicts_visible
        self.pixel_head = self._head(patch_dim, "pixel_head")
        self.latent_heads = [
            self._head(latent_dim, f"latent_head_{number}")
            for number in range(1, num_latent_heads + 1)
        ]
        if predicts_visible:
            self.visible_heads = [
                self._head(head.units, f"visible_{head.name}")
                for head in self.heads
            ]

    @property
    def heads(self) -> list:
        """All heads, trained or not."""
        return [self.pixel_head, *self.latent_heads, *self.visible_heads]

    def apply_heads(self, tokens, target_layers, num_hidden: int) -> tuple:
        """Predicts the targets, in float32 or better.

        Args:
            tokens: Shape `(batch, tokens, dim)`, those of the hidden patches
                last; of others only if `predicts_visible`.
            target_layers: tuple of ints, see `head_of`.
            num_hidden: int.

        Returns:
            A tuple with one tensor `(batch, tokens, dim)` per target layer.
        """

        def predict(target):
            head = self.head_of(target)
            if not self.predicts_visible:
                return backends.call_layer(head, tokens)
            visible = backends.call_layer(
                self.visible_head_of(target), tokens[:, :-num_hidden]
            )
            hidden = backends.call_layer(head, tokens[:, -num_hidden:])
            return ops.concatenate([visible, hidden], axis=1)

        dtype = at_least_float32(self.compute_dtype)
        return tuple(ops.cast(predict(k), dtype) for k in target_layers)

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
            if any(head is other for other in live):
                continue
            live.append(head)
            if self.predicts_visible:
                live.append(self.visible_head_of(target))
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

    def visible_head_of(self, target: int):
        """Returns the head of a target at the visible patches."""
        hidden = self.head_of(target)
        heads = [self.pixel_head, *self.latent_heads]
        pairs = zip(heads, self.visible_heads, strict=True)
        return next(visible for head, visible in pairs if head is hidden)

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
