"""FLOPs and bytes of a training step, from sizes alone."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class StepSizes:
    """The sizes that decide what a step costs.

    Matrix products only: elementwise work, softmax, norms and the optimizer
    are left out. A product of `(n, a)` and `(a, b)` counts `2 * n * a * b`.

    Args:
        num_layers: int, blocks of the encoder, the decoding ones included.
        num_decoder_layers: int, blocks at its end that also see z.
        hidden_dim: int, width of the tokens.
        mlp_dim: int, width of the MLPs.
        patch_dim: int, numbers in a patch.
        num_tokens: int, patches of a clip.
        num_visible: int, patches that the mask leaves.
        num_decoded: int, hidden patches that are decoded and scored.
        batch_size: int, clips in a batch. Defaults to `1`.
        masks_per_clip: int, masks that share a clip. Defaults to `1`.
        remat: bool, blocks are computed again in the backward pass. Defaults
            to `False`.

    Example:

    >>> vit_g = StepSizes(48, 4, 1664, 8192, 1536, 1568, 78, 1490)
    >>> latent = vit_g.step_flops(frozen_layers=32, target_layers=(32,))
    >>> round(latent / vit_g.step_flops(), 1)
    2.6
    """

    num_layers: int
    num_decoder_layers: int
    hidden_dim: int
    mlp_dim: int
    patch_dim: int
    num_tokens: int
    num_visible: int
    num_decoded: int
    batch_size: int = 1
    masks_per_clip: int = 1
    remat: bool = False

    @classmethod
    def of(cls, model, clip_shape, batch_size: int) -> "StepSizes":
        """Reads the sizes off a `MaskedPretraining`.

        Args:
            model: a `MaskedPretraining`.
            clip_shape: Frames, height and width.
            batch_size: int, clips in a batch.
        """
        encoder = model.encoder
        grid = encoder.grid(clip_shape)
        visible, hidden = model.mask.counts(grid)[0]
        return cls(
            num_layers=encoder.num_layers,
            num_decoder_layers=(
                encoder.num_layers - model.predictor.encoder_layers(encoder)
            ),
            hidden_dim=encoder.hidden_dim,
            mlp_dim=encoder.mlp_dim,
            patch_dim=encoder.patch_dim,
            num_tokens=visible + hidden,
            num_visible=visible,
            num_decoded=model.num_scored(hidden),
            batch_size=batch_size,
            masks_per_clip=model.masks_per_clip,
            remat=encoder.remat,
        )

    def block_flops(self, num_tokens: int) -> int:
        """FLOPs of one block's forward pass over one sequence."""
        width = self.hidden_dim
        weights = 4 * width * width + 2 * width * self.mlp_dim
        return 2 * num_tokens * weights + 4 * num_tokens**2 * width

    def embedding_flops(self, num_tokens: int) -> int:
        """FLOPs of embedding one sequence of patches."""
        return 2 * num_tokens * self.patch_dim * self.hidden_dim

    def visible_flops(self, frozen_layers: int = 0) -> int:
        """FLOPs of the visible branch of one mask, forward and backward."""
        trained = 4 if self.remat else 3
        num_encoding = self.num_layers - self.num_decoder_layers
        embedding = self.embedding_flops(self.num_visible)
        block = self.block_flops(self.num_visible)
        decoder_block = self.block_flops(self.num_visible + self.num_decoded)
        return (
            # No gradient flows to the pixels: 1 forward, 1 for the weights.
            embedding * (1 if frozen_layers else 2)
            + block * frozen_layers
            + block * trained * (num_encoding - frozen_layers)
            + decoder_block * trained * self.num_decoder_layers
        )

    def head_flops(self, target_layers: tuple) -> int:
        """FLOPs of the heads of one mask, forward and backward."""
        dims = [self.hidden_dim if k else self.patch_dim for k in target_layers]
        return 3 * 2 * self.num_decoded * self.hidden_dim * sum(dims)

    def target_flops(self, target_layers: tuple) -> int:
        """FLOPs of the pass that computes one clip's targets; forward only."""
        deepest = max(target_layers)
        if deepest == 0:
            return 0
        embedding = self.embedding_flops(self.num_tokens)
        return embedding + deepest * self.block_flops(self.num_tokens)

    def step_flops(
        self, frozen_layers: int = 0, target_layers: tuple = (0,)
    ) -> int:
        """FLOPs of one batch.

        Args:
            frozen_layers: int. Defaults to `0`.
            target_layers: tuple of ints, 0 being the pixels. Defaults to
                `(0,)`.
        """
        per_mask = self.visible_flops(frozen_layers)
        per_mask += self.head_flops(target_layers)
        per_clip = self.target_flops(target_layers)
        return self.batch_size * (per_mask * self.masks_per_clip + per_clip)

    def activation_bytes(
        self, frozen_layers: int = 0, bytes_per_number: int = 4
    ) -> int:
        """Bytes kept for the backward pass, with fused attention.

        Per token a trained block keeps its input, both norms' outputs, q, k
        and v, the attention's output and the MLP's input and output of the
        activation: `8 * hidden_dim + 2 * mlp_dim` numbers; its input alone
        under rematerialisation. An estimate: compilers keep less or more.

        Args:
            frozen_layers: int. Defaults to `0`.
            bytes_per_number: int, 2 in mixed precision. Defaults to `4`.
        """
        per_token = 8 * self.hidden_dim + 2 * self.mlp_dim
        if self.remat:
            per_token = self.hidden_dim
        num_encoding = self.num_layers - self.num_decoder_layers
        tokens = (num_encoding - frozen_layers) * self.num_visible
        tokens += self.num_decoder_layers * (
            self.num_visible + self.num_decoded
        )
        sequences = self.batch_size * self.masks_per_clip
        return sequences * tokens * per_token * bytes_per_number


def cumulative_flops(
    step: int, events: list, flops_at, batches_per_step: int = 1
) -> int:
    """FLOPs of the first `step` optimizer steps of a run.

    Args:
        step: int, optimizer steps done.
        events: list of `(step, frozen_layers)`, in order.
        flops_at: function of `frozen_layers`: FLOPs of one batch.
        batches_per_step: int, batches accumulated. Defaults to `1`.

    Example:

    >>> cumulative_flops(10, [(4, 1)], lambda frozen: 3 - frozen)
    24
    """
    total, begin, frozen = 0, 0, 0
    for event_step, event_frozen in [*events, (step, None)]:
        end = min(event_step, step)
        total += (end - begin) * flops_at(frozen)
        begin, frozen = end, event_frozen
        if end == step:
            break
    return total * batches_per_step
