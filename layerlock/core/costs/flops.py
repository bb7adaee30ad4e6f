"""FLOPs of a training step, from sizes alone."""

import dataclasses
import math

from layerlock.core.costs.sizes import (
    BlockSizes,
    ProjectorSizes,
    masks_of,
    penalty_of,
)


@dataclasses.dataclass(frozen=True)
class StepSizes:
    """The sizes that determine the FLOPs of a training step.

    Only matrix products are counted: elementwise operations, softmax, norms
    and the optimizer are left out. A product of `(n, a)` and `(a, b)` counts
    `2 * n * a * b`.

    Args:
        encoder: `BlockSizes` of the encoder.
        num_decoder_layers: int, last encoder blocks, which also process the
            mask tokens; 0 if the predictor has its own blocks.
        patch_dim: int, numbers in a patch.
        num_tokens: int, patches of a clip.
        masks: for each kind of mask a pair: the number of visible patches,
            and the number of hidden patches that are scored; 0 with a
            projector.
        predictor: `BlockSizes` of a predictor with its own blocks, or
            `None`. Defaults to `None`.
        batch_size: int, clips in a batch. Defaults to `1`.
        masks_per_clip: int, masks of each kind that share a clip. Defaults to
            `1`.
        remat: for each block of the encoder `"none"`, `"blocks"` or
            `"attention"`, see `BlockSizes.activations`. Defaults to `()`:
            nothing is computed again.
        target_gradient: bool, whether gradients flow through the targets.
            Defaults to `False`.
        num_latent_heads: int, linear maps to the outputs of blocks. Defaults
            to `1`.
        has_teacher: bool, whether a moving average of the encoder computes
            the targets. Defaults to `False`.
        target_context: `"clip"` or `"scored"`, the input of the target pass:
            all patches, or only the visible and the scored ones.
            Defaults to `"clip"`.
        fixed_teacher: `BlockSizes` of another encoder that computes the
            targets, or `None`. Defaults to `None`.
        projector: `ProjectorSizes` of a predictor that embeds the visible
            patches, or `None`. Defaults to `None`.
        penalty_flops: int, FLOPs of the objective's penalty in one batch, see
            `Objective.penalty_flops`. Defaults to `0`.
        predictor_remat: as `remat`, for each block of the predictor. Defaults
            to `()`.
        predicts_visible: bool, whether the predictor predicts the visible
            patches, too. Defaults to `False`.

    Example:

    >>> vit_g = StepSizes(BlockSizes(48, 1664, 8192), 4, 1536, 1568,
    ...                   masks=((78, 1490),))
    >>> latent = vit_g.step_flops(frozen_layers=32, target_layers=(32,))
    >>> round(latent / vit_g.step_flops(), 1)
    2.6
    """

    encoder: BlockSizes
    num_decoder_layers: int
    patch_dim: int
    num_tokens: int
    masks: tuple
    predictor: BlockSizes | None = None
    batch_size: int = 1
    masks_per_clip: int = 1
    remat: tuple = ()
    target_gradient: bool = False
    num_latent_heads: int = 1
    has_teacher: bool = False
    target_context: str = "clip"
    fixed_teacher: BlockSizes | None = None
    projector: ProjectorSizes | None = None
    penalty_flops: int = 0
    predictor_remat: tuple = ()
    predicts_visible: bool = False

    @classmethod
    def of(cls, model, clip_shape, batch_size: int) -> "StepSizes":
        """Reads the sizes of a `MaskedPretraining`.

        Args:
            model: a `MaskedPretraining`.
            clip_shape: Frames, height and width.
            batch_size: int, clips in a batch.
        """
        encoder, predictor = model.encoder, model.predictor
        grid = encoder.grid(clip_shape)
        counts = model.mask.counts(grid)
        num_encoding = predictor.encoder_layers(encoder)
        teacher = model.fixed_teacher
        projector = predictor.mlp_sizes and ProjectorSizes(*predictor.mlp_sizes)
        return cls(
            encoder=BlockSizes.of(encoder),
            num_decoder_layers=encoder.num_layers - num_encoding,
            patch_dim=encoder.patch_dim,
            num_tokens=math.prod(grid),
            masks=masks_of(counts, model.target_fraction, projector),
            predictor=(
                BlockSizes(*predictor.block_sizes)
                if predictor.block_sizes
                else None
            ),
            batch_size=batch_size,
            masks_per_clip=model.masks_per_clip,
            remat=tuple(block.remat for block in encoder.blocks),
            target_gradient=model.objective.target_gradient,
            num_latent_heads=predictor.num_latent_heads,
            has_teacher=model.teacher is not None,
            target_context=model.target_context,
            fixed_teacher=teacher and BlockSizes.of(teacher.encoder),
            projector=projector,
            penalty_flops=penalty_of(
                model.objective,
                projector,
                batch_size,
                model.masks_per_clip * len(counts),
            ),
            predictor_remat=tuple(predictor.block_remat),
            predicts_visible=predictor.predicts_visible,
        )

    @property
    def target_encoder(self) -> BlockSizes:
        """Sizes of the encoder that computes the targets."""
        return self.fixed_teacher or self.encoder

    @property
    def deepest_target(self) -> int:
        """Number of the last block that can be a target."""
        if self.fixed_teacher is not None:
            return self.fixed_teacher.num_layers
        return self.num_encoding

    @property
    def num_encoding(self) -> int:
        """Number of blocks that process visible patches only."""
        return self.encoder.num_layers - self.num_decoder_layers

    @property
    def decoder(self) -> tuple:
        """Sizes and number of the blocks that process mask tokens."""
        if self.predictor:
            return self.predictor, self.predictor.num_layers
        return self.encoder, self.num_decoder_layers

    def num_predicted(self, visible: int, decoded: int) -> int:
        """Patches that are predicted under a mask.

        Args:
            visible, decoded: int, a pair of `masks`.
        """
        return decoded + (visible if self.predicts_visible else 0)

    def predictor_blocks(self, num_predicted: int) -> list:
        """For each block of the predictor: its policy, and its queries.

        Args:
            num_predicted: int, the queries of the last block. The others have
                `None`: all tokens.
        """
        number = self.predictor.num_layers
        policies = self.predictor_remat or ("none",) * number
        queries = [None] * (number - 1) + [num_predicted]
        return list(zip(policies, queries, strict=True))

    @property
    def target_passes(self) -> tuple:
        """For each target pass of a clip: its tokens and scored tokens.

        The last block of a pass computes outputs at the scored tokens only.
        """
        if self.target_context == "clip":
            scored = self.masks_per_clip * sum(
                self.num_predicted(*mask) for mask in self.masks
            )
            return ((self.num_tokens, min(scored, self.num_tokens)),)
        passes = tuple(
            (sum(mask), self.num_predicted(*mask)) for mask in self.masks
        )
        return passes * self.masks_per_clip

    def embedding_flops(
        self, num_tokens: int, encoder: BlockSizes | None = None
    ) -> int:
        """FLOPs of embedding one sequence of patches.

        Args:
            num_tokens: int, patches.
            encoder: `BlockSizes`. Defaults to the encoder that learns.
        """
        width = (encoder or self.encoder).hidden_dim
        return 2 * num_tokens * self.patch_dim * width

    def visible_flops(self, frozen_layers: int = 0) -> int:
        """FLOPs of encoding the visible patches of one clip, with gradient."""
        trained = range(frozen_layers, self.num_encoding)
        return sum(
            # The pixels need no gradient: 1 forward, 1 for the weights.
            self.embedding_flops(visible) * (1 if frozen_layers else 2)
            + frozen_layers * self.encoder.block_flops(visible)
            + sum(self._trained_flops(block, visible) for block in trained)
            for visible, _ in self.masks
        )

    def decoding_flops(self, target_layers: tuple = (0,)) -> int:
        """FLOPs of predicting the hidden patches of one clip, with gradient.

        With a projector, FLOPs of embedding the visible patches.
        """
        if self.projector:
            return len(self.masks) * self.projector.flops()
        width = self.encoder.hidden_dim
        inner = self.predictor.hidden_dim if self.predictor else width
        latent = self.target_encoder.hidden_dim
        head_dims = sum(latent if k else self.patch_dim for k in target_layers)
        total = 0
        for visible, decoded in self.masks:
            tokens = visible + decoded
            predicted = self.num_predicted(visible, decoded)
            total += 3 * 2 * predicted * inner * head_dims
            if self.predictor:
                # Its input passed a trained norm, which needs a gradient.
                total += 3 * 2 * visible * width * inner
                for policy, queries in self.predictor_blocks(predicted):
                    total += self.predictor.trained_flops(
                        policy, tokens, queries
                    )
            end = self.encoder.num_layers
            for block in range(self.num_encoding, end):
                queries = decoded if block == end - 1 else None
                total += self._trained_flops(block, tokens, queries)
        return total

    def target_flops(self, target_layers: tuple, frozen_layers: int = 0) -> int:
        """FLOPs of the target passes of one clip."""
        deepest = max(target_layers, default=0)
        encoder = self.target_encoder
        if deepest == 0:
            return 0
        num_without_gradient = deepest  # blocks
        if self.target_gradient:
            num_without_gradient = min(frozen_layers, deepest)
        total = 0
        for num_tokens, num_queries in self.target_passes:
            embedding = self.embedding_flops(num_tokens, encoder)
            total += embedding * (1 if num_without_gradient else 2)
            for block in range(deepest):
                queries = num_queries if block == deepest - 1 else None
                if block < num_without_gradient:
                    total += encoder.block_flops(num_tokens, queries)
                else:
                    total += self._trained_flops(block, num_tokens, queries)
        return total

    def teacher_flops(
        self, target_layers: tuple, frozen_layers: int = 0
    ) -> int:
        """FLOPs of a fixed teacher in one batch; 0 without one."""
        if self.fixed_teacher is None:
            return 0
        per_clip = self.target_flops(target_layers, frozen_layers)
        return self.batch_size * per_clip

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
        per_mask += self.decoding_flops(target_layers)
        per_clip = self.target_flops(target_layers, frozen_layers)
        per_clip += per_mask * self.masks_per_clip
        return self.batch_size * per_clip + self.penalty_flops

    def _trained_flops(self, block, num_tokens, num_queries=None) -> int:
        """FLOPs of an encoder block over one sequence, with gradient.

        Args:
            block: int, counted from 0.
            num_tokens, num_queries: as for `BlockSizes.block_flops`.
        """
        policy = self.remat[block] if self.remat else "none"
        return self.encoder.trained_flops(policy, num_tokens, num_queries)
