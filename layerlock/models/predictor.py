"""The latent predictor: a small transformer after the encoder."""

import keras
from keras import ops

from layerlock import backends
from layerlock.models import remat as remat_policies, rope
from layerlock.models.checks import check_counts
from layerlock.models.heads import TargetHeads, check_width
from layerlock.models.numerics import layer_normalization
from layerlock.models.positions import check_grid, check_kind, positions_layer
from layerlock.models.presets import predictor_sizes
from layerlock.models.transformer import TransformerBlock, run_blocks
from layerlock.models.weights import Linear, add_norm, current_values


@keras.saving.register_keras_serializable("layerlock")
class LatentPredictor(TargetHeads, keras.layers.Layer):
    """Predicts hidden patches with its own transformer blocks.

    Visible tokens are normalised and mapped to the predictor's width. One
    learned mask token per hidden patch, with the position of that patch, is
    appended. The blocks process all tokens, and a linear map predicts the
    target from the mask tokens. Every kind of mask has its own mask token.

    Reference: [V-JEPA, Bardes et al., 2024](
    https://arxiv.org/abs/2404.08471), section 3.2. V-JEPA normalises at the
    end of its encoder. Here the predictor does so, so that the encoder is the
    same for every objective.

    Args:
        hidden_dim: int, features of a token of the encoder.
        patch_dim: int, values in a patch.
        num_layers: int, blocks. Defaults to `12`.
        num_heads: int, attention heads. Defaults to `12`.
        predictor_dim: int, features of a token of the predictor. Defaults to
            `384`.
        mlp_dim: int, features inside of a block's MLP. Defaults to four times
            `predictor_dim`.
        num_mask_kinds: int, kinds of masks. Defaults to `1`.
        positions: str, as for `VideoEncoder`. Defaults to `"rotary"`.
        clip_grid: tuple of 3 ints, the grid of tokens without a grid of their
            own, which learned and some other positions need. Defaults to
            `None`.
        wavelength: float, in patches, of rotary and sin-cos positions.
            Defaults to `10_000.0`.
        num_latent_heads: int, linear maps to the outputs of blocks. A single
            map predicts every block; with more, map `k` predicts block `k`
            only. Defaults to `1`.
        latent_dim: int, features of a block's output that is predicted.
            Defaults to `None`: `hidden_dim`.
        epsilon: float, added to variances. Defaults to `1e-6`.
        position_grid: tuple of 3 ints, as for `VideoEncoder`. Defaults to
            `None`.
        remat: str, the activations that the backward pass computes again,
            see `layerlock.models.remat`. Defaults to `"none"`.
        predicts_visible: bool, whether it predicts the visible patches, too,
            as V-JEPA 2.1 does. Defaults to `False`.

    Call arguments:
        visible_tokens: Output of the encoder for the visible patches. Shape
            `(batch, visible, hidden_dim)`.
        visible_positions: int32, shape `(batch, visible, 3)`.
        hidden_positions: int32, of the patches to predict. Shape
            `(batch, hidden, 3)`.
        encoder: A `VideoEncoder`; its blocks are not run.
        target_layers: tuple of ints, the targets: 0 for pixels, k for the
            output of block k.
        grid: tuple of 3 ints, the grid of the positions. Defaults to
            `clip_grid`.
        mask_kind: int, index of the mask token. Defaults to `0`.

    Output shape:
        One tensor per target layer, float32 or better, of shape
        `(batch, hidden, patch_dim)` for pixels and
        `(batch, hidden, latent_dim)` for blocks. With `predicts_visible` the
        visible patches come before the hidden ones.

    Example:

    >>> import layerlock
    >>> encoder = layerlock.VideoEncoder.from_preset(
    ...     "video_vit_nano", num_decoder_layers=0)
    >>> predictor = LatentPredictor.for_encoder(encoder, num_mask_kinds=2)
    >>> predictor.hidden_dim, predictor.num_mask_kinds
    (96, 2)
    >>> model = layerlock.MaskedPretraining(
    ...     encoder, "vjepa", predictor=predictor)
    """

    def __init__(
        self,
        hidden_dim,
        patch_dim,
        num_layers=12,
        num_heads=12,
        predictor_dim=384,
        mlp_dim=None,
        num_mask_kinds=1,
        positions="rotary",
        clip_grid=None,
        wavelength=10_000.0,
        num_latent_heads=1,
        latent_dim=None,
        epsilon=1e-6,
        position_grid=None,
        remat="none",
        predicts_visible=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        mlp_dim = 4 * predictor_dim if mlp_dim is None else mlp_dim
        latent_dim = hidden_dim if latent_dim is None else latent_dim
        check_counts(
            hidden_dim=hidden_dim,
            patch_dim=patch_dim,
            num_layers=num_layers,
            num_heads=num_heads,
            predictor_dim=predictor_dim,
            mlp_dim=mlp_dim,
            num_mask_kinds=num_mask_kinds,
            num_latent_heads=num_latent_heads,
            latent_dim=latent_dim,
        )
        check_kind(positions, position_grid)
        check_grid(positions, clip_grid, position_grid)
        self.hidden_dim = hidden_dim
        self.patch_dim = patch_dim
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.predictor_dim = predictor_dim
        self.mlp_dim = mlp_dim
        self.block_sizes = (num_layers, predictor_dim, mlp_dim, num_heads)
        self.num_mask_kinds = num_mask_kinds
        self.positions = positions
        self.clip_grid = None if clip_grid is None else tuple(clip_grid)
        self.wavelength = rope.check_wavelength(wavelength)
        self.latent_dim = latent_dim
        self.epsilon = epsilon
        self.position_grid = position_grid and tuple(position_grid)
        self.remat = remat_policies.check(remat)
        self.block_remat = remat_policies.of_blocks(self.remat, num_layers)
        self._frequencies = rope.frequencies(
            positions, predictor_dim, num_heads, self.wavelength
        )
        self.embedding = Linear(
            predictor_dim, dtype=self.dtype_policy, name="embedding"
        )
        self.additive_positions = positions_layer(
            positions,
            self.clip_grid,
            predictor_dim,
            self.wavelength,
            dtype=self.dtype_policy,
            position_grid=self.position_grid,
        )
        self.blocks = [
            TransformerBlock(
                num_heads,
                predictor_dim,
                mlp_dim,
                rotated=rope.ROTATED.get(positions),
                remat=policy,
                epsilon=epsilon,
                dtype=self.dtype_policy,
                name=f"block_{number}",
            )
            for number, policy in enumerate(self.block_remat, start=1)
        ]
        self.add_heads(
            patch_dim, latent_dim, num_latent_heads, predicts_visible
        )
        self.build(None)

    @classmethod
    def for_encoder(cls, encoder, num_mask_kinds=1, **arguments):
        """Builds the predictor for an encoder.

        For encoders of width 384 and above, V-JEPA's 12 blocks of width 384;
        for narrower ones, two thirds of the width and half of the blocks.

        Args:
            encoder: a `VideoEncoder`, whose `remat` the predictor has, too.
            num_mask_kinds: int. Defaults to `1`.
            **arguments: further ones of the constructor.
        """
        return cls(
            encoder.hidden_dim,
            encoder.patch_dim,
            **predictor_sizes(encoder.hidden_dim, encoder.num_layers),
            num_mask_kinds=num_mask_kinds,
            positions=encoder.positions,
            clip_grid=encoder.grid(),
            wavelength=encoder.wavelength,
            position_grid=encoder.position_grid,
            remat=encoder.remat,
            dtype=encoder.dtype_policy,
            name="predictor",
            **arguments,
        )

    def build(self, input_shape):
        """Creates all variables; no shape depends on the input."""
        if self.built:
            return
        width = self.predictor_dim
        self.mask_tokens = self.add_weight(
            name="mask_tokens",
            shape=(self.num_mask_kinds, width),
            initializer=keras.initializers.RandomNormal(stddev=0.02),
        )
        self.input_norm = add_norm(self, "input_norm", self.hidden_dim)
        self.output_norm = add_norm(self, "output_norm", width)
        self.embedding.build((None, None, self.hidden_dim))
        if self.additive_positions is not None:
            self.additive_positions.build((None, None, width))
        for block in self.blocks:
            block.build((None, None, width))
        for head in self.heads:
            head.build((None, None, width))

    def call(
        self,
        visible_tokens,
        visible_positions,
        hidden_positions,
        encoder,
        target_layers,
        grid=None,
        mask_kind=0,
    ):
        check_width(self, encoder)
        if not 0 <= mask_kind < self.num_mask_kinds:
            raise ValueError(
                f"There are {self.num_mask_kinds} kinds of mask tokens, from "
                f"0 on. Received: mask_kind={mask_kind}. Build the predictor "
                "with as many `num_mask_kinds` as the mask has kinds."
            )
        batch = backends.shape(visible_tokens)[0]
        hidden = hidden_positions.shape[1]
        embedded = backends.call_layer(
            self.embedding, self._normalise(visible_tokens, self.input_norm)
        )
        mask_tokens = ops.broadcast_to(
            ops.cast(
                backends.whole(self.mask_tokens)[mask_kind], embedded.dtype
            ),
            (batch, hidden, self.predictor_dim),
        )
        tokens = ops.concatenate([embedded, mask_tokens], axis=1)
        positions = ops.concatenate(
            [visible_positions, hidden_positions], axis=1
        )
        grid = grid or self.clip_grid
        if self.additive_positions is not None:
            tokens = self.additive_positions(tokens, positions, grid=grid)
        rotation = rope.block_rotation(
            self.positions,
            positions,
            rope.stretch(self._frequencies, grid, self.position_grid),
            self.compute_dtype,
        )
        queries = None if self.predicts_visible else hidden
        tokens = run_blocks(self.blocks, tokens, rotation, queries=queries)
        tokens = self._normalise(tokens, self.output_norm)
        return self.apply_heads(tokens, target_layers, hidden)

    def encoder_layers(self, encoder) -> int:
        """Returns the number of blocks that process visible tokens only: all.

        All blocks may freeze.
        """
        check_width(self, encoder)
        return encoder.num_layers

    def _normalise(self, x, gamma_and_beta):
        return layer_normalization(
            x, *current_values(gamma_and_beta), self.epsilon
        )

    def get_config(self):
        return {
            **super().get_config(),
            "hidden_dim": self.hidden_dim,
            "patch_dim": self.patch_dim,
            "num_layers": self.num_layers,
            "num_heads": self.num_heads,
            "predictor_dim": self.predictor_dim,
            "mlp_dim": self.mlp_dim,
            "num_mask_kinds": self.num_mask_kinds,
            "positions": self.positions,
            "clip_grid": self.clip_grid,
            "wavelength": self.wavelength,
            "num_latent_heads": self.num_latent_heads,
            "latent_dim": self.latent_dim,
            "epsilon": self.epsilon,
            "position_grid": self.position_grid,
            "remat": self.remat,
            "predicts_visible": self.predicts_visible,
        }
