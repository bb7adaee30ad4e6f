"""A video encoder in plain PyTorch, for programs without Keras.

Exports copy this file, with the import of `positions` made relative.
Sizes of clips are read inside of `forward`, so that a traced program takes
other sizes too.
"""

import math

import torch
from torch import nn
from torch.nn import functional

from layerlock.backends.torch.portable.positions import (
    LearnedPositions,
    fixed_positions,
    rotate,
    rotation_tables,
)

_ACTIVATIONS = {
    "gelu": functional.gelu,
    "gelu_tanh": lambda x: functional.gelu(x, approximate="tanh"),
    "silu": functional.silu,
}


class PyTorchEncoder(nn.Module):
    """A `layerlock.VideoEncoder` with the same weights and the same features.

    Kernels are those of `nn.Linear`: transposed. Block `k` is `blocks.k`.

    Args:
        num_layers: int, number of blocks.
        num_heads: int, attention heads of a block.
        hidden_dim: int, features of a token.
        mlp_dim: int, features inside of a block's MLP.
        patch_size: 3 ints, frames, rows and columns of a patch.
        clip_shape: 3 ints, frames, rows and columns of a clip.
        positions: str, a kind of positions of `VideoEncoder`.
        pixel_mean: float or 3 floats, subtracted from pixels in [0, 1].
        pixel_std: float or 3 floats, the divisor of pixels.
        wavelength: float, in patches, of rotary and sin-cos positions.
        position_grid: 3 ints, the grid that positions are for, or `None`.
        epsilon: float, added to variances. Defaults to `1e-6`.
        activation: str, of the MLPs. Defaults to `"gelu"`.
        final_norm: bool, whether the output of the last block is normalised,
            as a layer after it. Defaults to `False`.
        final_norm_epsilon: float; `None`: `epsilon`.
    """

    def __init__(
        self,
        num_layers,
        num_heads,
        hidden_dim,
        mlp_dim,
        patch_size,
        clip_shape,
        positions,
        pixel_mean,
        pixel_std,
        wavelength,
        position_grid=None,
        epsilon=1e-6,
        activation="gelu",
        final_norm=False,
        final_norm_epsilon=None,
    ):
        super().__init__()
        self.num_heads = num_heads
        self.hidden_dim = hidden_dim
        self.patch_size = tuple(patch_size)
        self.positions = positions
        self.pixel_mean = pixel_mean
        self.pixel_std = pixel_std
        self.wavelength = wavelength
        self.position_grid = position_grid
        self.patch_embedding = nn.Linear(
            3 * math.prod(self.patch_size), hidden_dim
        )
        if positions == "learned":
            own = [n // p for n, p in zip(clip_shape, patch_size, strict=True)]
            self.learned_positions = LearnedPositions(
                position_grid or own, hidden_dim
            )
        self.blocks = nn.ModuleDict(
            {
                str(number): _Block(
                    num_heads,
                    hidden_dim,
                    mlp_dim,
                    positions,
                    epsilon,
                    activation,
                )
                for number in range(1, num_layers + 1)
            }
        )
        self.final_norm = None
        if final_norm:
            if final_norm_epsilon is None:
                final_norm_epsilon = epsilon
            self.final_norm = nn.LayerNorm(hidden_dim, eps=final_norm_epsilon)

    def forward(self, pixels):
        """Computes the features of the embedding and of each block.

        Args:
            pixels: standardised, floats of shape
                `(batch, frames, height, width, 3)`.

        Returns:
            list of `(batch, tokens, hidden_dim)`; the last one is that of the
            final norm, where there is one.
        """
        grid = self.grid(pixels)
        tokens = self.patch_embedding(self.patchify(pixels, grid))
        tokens = self.add_positions(tokens, grid)
        rotation = self.rotation(grid, tokens)
        features = [tokens]
        for block in self.blocks.values():
            features.append(block(features[-1], rotation))
        if self.final_norm is not None:
            features.append(self.final_norm(features[-1]))
        return features

    def standardise(self, clips):
        """Turns clips of 8-bit pixels, or floats from 0 to 255, into pixels."""
        std = torch.tensor(self.pixel_std, device=clips.device)
        mean = torch.tensor(self.pixel_mean, device=clips.device)
        return clips.to(torch.float32) * (1 / (255 * std)) - mean / std

    def grid(self, pixels):
        """Patches along frames, rows and columns."""
        sizes = zip(pixels.shape[1:4], self.patch_size, strict=True)
        return [size // patch for size, patch in sizes]

    def patchify(self, pixels, grid):
        """Cuts clips into patches: `(batch, tokens, patch_dim)`."""
        t, r, c = grid
        frames, rows, columns = self.patch_size
        x = pixels.reshape(-1, t, frames, r, rows, c, columns, 3)
        x = x.permute(0, 1, 3, 5, 2, 4, 6, 7)
        return x.reshape(-1, t * r * c, 3 * math.prod(self.patch_size))

    def add_positions(self, tokens, grid):
        """Adds learned or sin-cos positions."""
        if self.positions == "learned":
            return tokens + self.learned_positions(grid)
        if self.positions.startswith("sincos"):
            added = fixed_positions(
                self.positions,
                grid,
                self.hidden_dim,
                self.wavelength,
                self.position_grid,
                tokens.device,
            )
            return tokens + added.to(tokens.dtype)
        return tokens

    def rotation(self, grid, tokens):
        """The cosines and sines that each block rotates by, or `None`."""
        tables = rotation_tables(
            self.positions,
            grid,
            self.hidden_dim,
            self.num_heads,
            self.wavelength,
            self.position_grid,
            tokens.device,
        )
        return tables and [table.to(tokens.dtype) for table in tables]


class _Block(nn.Module):
    """Self-attention and an MLP, each with pre-normalisation."""

    def __init__(
        self, num_heads, hidden_dim, mlp_dim, positions, epsilon, activation
    ):
        super().__init__()
        self.num_heads = num_heads
        self.positions = positions
        self.activation = _ACTIVATIONS[activation]
        self.attention_norm = nn.LayerNorm(hidden_dim, eps=epsilon)
        self.qkv = nn.Linear(hidden_dim, 3 * hidden_dim)
        self.attention_output = nn.Linear(hidden_dim, hidden_dim)
        self.mlp_norm = nn.LayerNorm(hidden_dim, eps=epsilon)
        self.mlp_expand = nn.Linear(hidden_dim, mlp_dim)
        self.mlp_output = nn.Linear(mlp_dim, hidden_dim)

    def forward(self, tokens, rotation):
        batch, count, dim = tokens.shape
        heads, head_dim = self.num_heads, dim // self.num_heads
        x = self.attention_norm(tokens)
        if self.positions == "rotary":
            x = rotate(x, *rotation, part=dim)
        x = self.qkv(x).reshape(batch, count, 3 * heads, head_dim)
        query, key, value = (
            x.transpose(1, 2) for x in x.split([heads] * 3, dim=2)
        )
        if rotation is not None and self.positions != "rotary":
            part = None  # neighbours
            if self.positions == "rotary_qk":
                part = 2 * (head_dim // 6)
            query = rotate(query, *rotation, part)
            key = rotate(key, *rotation, part)
        x = functional.scaled_dot_product_attention(query, key, value)
        x = x.transpose(1, 2).reshape(batch, count, dim)
        tokens = tokens + self.attention_output(x)
        x = self.activation(self.mlp_expand(self.mlp_norm(tokens)))
        return tokens + self.mlp_output(x)
