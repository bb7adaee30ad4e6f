"""The encoder: patches, their embedding, positions and all blocks."""

import math

import keras
import numpy as np

from layerlock.models import numerics, patches, remat as remat_policies, rope
from layerlock.models.checks import check_counts
from layerlock.models.exported import PresetMethods
from layerlock.models.features import LayerFeatures
from layerlock.models.positions import check_kind, positions_layer
from layerlock.models.pretrained import PretrainedMethods
from layerlock.models.tokenizer import VideoTokenizer
from layerlock.models.transformer import TransformerBlock, run_blocks
from layerlock.models.weights import LayerNorm, Linear

ARGUMENTS = (
    "num_layers",
    "num_heads",
    "hidden_dim",
    "mlp_dim",
    "patch_size",
    "clip_shape",
    "positions",
    "num_decoder_layers",
    "pixel_mean",
    "pixel_std",
    "wavelength",
    "remat",
)
# Abilities that released encoders need. A stored configuration leaves them out
# at these values, as the files of older versions do.
DEFAULTS = {
    "position_grid": None,
    "epsilon": 1e-6,
    "activation": "gelu",
    "final_norm": False,
    "final_norm_epsilon": None,
}


@keras.saving.register_keras_serializable("layerlock")
class VideoEncoder(
    VideoTokenizer,
    LayerFeatures,
    PresetMethods,
    PretrainedMethods,
    keras.Model,
):
    """A vision transformer over the patches of a video.

    It contains all layers from pixels to the features of each block, and no
    head. A call runs a range of its blocks on tokens; `patchify` and `embed`
    convert clips to tokens, and `features` does all of it.

    Reference: [Scaling 4D representations, Carreira et al., 2024](
    https://arxiv.org/abs/2412.15212).

    Args:
        num_layers: int, number of blocks.
        num_heads: int, attention heads of a block.
        hidden_dim: int, features of a token, a multiple of `num_heads`.
        mlp_dim: int, features inside of a block's MLP.
        patch_size: tuple of 3 ints, frames, rows and columns of a patch.
        clip_shape: tuple of 3 ints, frames, rows and columns of a clip.
            Other sizes work too; learned positions are interpolated then.
        positions: str, one of
            - `"rotary"`: in every block, right after the first normalisation,
              10 % of the features rotate with time, 25 % with the row and
              25 % with the column,
            - `"rotary_qk"`: queries and keys are rotated,
            - `"learned"` or `"sincos"`: added to the embedded patches,
            - `"none"`,
            - those of released encoders: `"rotary_tiled"` (V-JEPA 2),
              `"rotary_interleaved"` (V-JEPA 2.1), `"sincos_uniform"` and
              `"sincos_half_time"` (V-JEPA), `"sincos_flat"` (VideoMAE).
        num_decoder_layers: int, default number of last blocks that a
            `PatchwiseDecoder` uses. It does not change the encoder.
        pixel_mean: float or tuple of 3 floats, subtracted from pixels in
            [0, 1].
        pixel_std: float or tuple of 3 floats, the divisor of pixels.
        wavelength: float, in patches, of rotary and sin-cos positions.
        remat: str, the activations that the backward pass computes again,
            see `layerlock.models.remat`.
        position_grid: tuple of 3 ints, the grid that the positions were made
            for. At another grid, the tables of learned and sin-cos positions
            are interpolated, and rows and columns of rotary positions are
            scaled to end where this grid ends. Defaults to `None`: learned
            positions have the grid of `clip_shape`, and the formulas of the
            others hold for any grid.
        epsilon: float, added to the variances of the blocks' normalisations.
        activation: str, of the blocks' MLP: `"gelu"`, `"gelu_tanh"` or
            `"silu"`.
        final_norm: bool, whether there is a normalisation after the last
            block, the feature `"final_norm"`. A call does not run it. Targets
            of the last block are read after it; it is not trained in
            pre-training.
        final_norm_epsilon: float, of this normalisation. Defaults to
            `epsilon`.

    Call arguments:
        tokens: Embedded patches, or the output of block `first_layer`. Shape
            `(batch, tokens, hidden_dim)`.
        positions: int32, frame, row and column of each token, in patches.
            Shape `(batch, tokens, 3)` or `(1, tokens, 3)`.
        first_layer: int, blocks to skip. Defaults to `0`.
        last_layer: int, the number of the last block to run. Defaults to
            `None`, all.
        grid: tuple of 3 ints, the grid of `positions`, used with
            `position_grid` only. Defaults to the encoder's own.
        queries: the tokens whose outputs are needed, as for
            `TransformerBlock`. The last block computes no others. Defaults to
            `None`: all.

    Output shape:
        `(batch, queries, hidden_dim)`.

    Example:

    >>> encoder = VideoEncoder.from_preset("video_vit_nano")
    >>> clips = np.zeros((1, 8, 32, 32, 3), "uint8")
    >>> features = encoder.features(clips, layers=["block_7"])
    >>> tuple(features["block_7"].shape)  # batch, frames, rows, columns, width
    (1, 4, 4, 4, 96)
    """

    def __init__(
        self,
        num_layers,
        num_heads,
        hidden_dim,
        mlp_dim,
        patch_size=(2, 16, 16),
        clip_shape=(16, 224, 224),
        positions="rotary",
        num_decoder_layers=4,
        pixel_mean=0.5,
        pixel_std=0.25,
        wavelength=10_000.0,
        remat="none",
        position_grid=None,
        epsilon=1e-6,
        activation="gelu",
        final_norm=False,
        final_norm_epsilon=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        _check(num_layers, num_heads, hidden_dim, mlp_dim, num_decoder_layers)
        check_kind(positions, position_grid)
        numerics.check_activation(activation)
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.hidden_dim = hidden_dim
        self.mlp_dim = mlp_dim
        self.patch_size = patches.check_sizes("patch_size", patch_size)
        self.clip_shape = patches.check_sizes("clip_shape", clip_shape)
        self.positions = positions
        self.num_decoder_layers = num_decoder_layers
        self.pixel_mean = _plain(pixel_mean)
        self.pixel_std = _plain(pixel_std)
        self.wavelength = rope.check_wavelength(wavelength)
        self.remat = remat_policies.check(remat)
        self.position_grid = position_grid and patches.check_sizes(
            "position_grid", position_grid
        )
        self.epsilon = epsilon
        self.activation = activation
        self.final_norm = final_norm
        self.final_norm_epsilon = final_norm_epsilon

        self.patch_dim = patches.CHANNELS * math.prod(self.patch_size)
        self._pixels = patches.PixelStandardisation(pixel_mean, pixel_std)
        self._frequencies = rope.frequencies(
            positions, hidden_dim, num_heads, self.wavelength
        )
        self.patch_embedding = Linear(
            hidden_dim, dtype=self.dtype_policy, name="patch_embedding"
        )
        self.additive_positions = positions_layer(
            positions,
            self.grid(),
            hidden_dim,
            self.wavelength,
            dtype=self.dtype_policy,
            position_grid=self.position_grid,
        )
        self.blocks = self._blocks()
        self.output_norm = self._output_norm() if final_norm else None
        self.build(None)

    def build(self, input_shape):
        """Creates all variables; no shape depends on the input."""
        if self.built:
            return
        tokens = (None, None, self.hidden_dim)
        self.patch_embedding.build((None, None, self.patch_dim))
        if self.additive_positions is not None:
            self.additive_positions.build(tokens)
        for block in self.blocks:
            block.build(tokens)
        if self.output_norm is not None:
            self.output_norm.build(tokens)

    def call(
        self,
        tokens,
        positions,
        first_layer=0,
        last_layer=None,
        grid=None,
        queries=None,
    ):
        last_layer = self.num_layers if last_layer is None else last_layer
        if not 0 <= first_layer <= last_layer <= self.num_layers:
            raise ValueError(
                "Expected 0 <= first_layer <= last_layer <= "
                f"{self.num_layers}, the number of blocks. Received: "
                f"first_layer={first_layer}, last_layer={last_layer}."
            )
        blocks = self.blocks[first_layer:last_layer]
        rotation = self.rotation(positions, grid)
        return run_blocks(blocks, tokens, rotation, queries)

    def get_config(self):
        return {
            **super().get_config(),
            **{name: getattr(self, name) for name in ARGUMENTS},
            **{
                name: getattr(self, name)
                for name, default in DEFAULTS.items()
                if getattr(self, name) != default
            },
        }

    # Parts

    def _blocks(self):
        return [
            TransformerBlock(
                self.num_heads,
                self.hidden_dim,
                self.mlp_dim,
                rotated=rope.ROTATED.get(self.positions),
                remat=remat_policies.of_block(self.remat, number),
                epsilon=self.epsilon,
                activation=self.activation,
                dtype=self.dtype_policy,
                name=f"block_{number}",
            )
            for number in range(1, self.num_layers + 1)
        ]

    def _output_norm(self):
        epsilon = self.final_norm_epsilon
        return LayerNorm(
            self.epsilon if epsilon is None else epsilon,
            dtype=self.dtype_policy,
            name="final_norm",
            trainable=False,
        )

    def rotation(self, positions, grid=None):
        """Computes the argument `rotation` of the blocks; may be `None`.

        Args:
            positions: int32, shape `(batch, tokens, 3)`.
            grid: tuple of 3 ints, as for a call.
        """
        frequencies = rope.stretch(
            self._frequencies, grid or self.grid(), self.position_grid
        )
        return rope.block_rotation(
            self.positions, positions, frequencies, self.compute_dtype
        )


def _check(num_layers, num_heads, hidden_dim, mlp_dim, num_decoder_layers):
    check_counts(
        num_layers=num_layers,
        num_heads=num_heads,
        hidden_dim=hidden_dim,
        mlp_dim=mlp_dim,
    )
    if not 0 <= num_decoder_layers <= num_layers:
        raise ValueError(
            "`num_decoder_layers` counts blocks of the encoder. Expected 0 to "
            f"num_layers={num_layers}. "
            f"Received: num_decoder_layers={num_decoder_layers}."
        )


def _plain(value):
    """Returns a float, or a tuple of floats."""
    return tuple(map(float, value)) if np.ndim(value) else float(value)
