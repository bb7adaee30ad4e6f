"""Positional embeddings that are added to the tokens."""

import keras
from keras import ops

from layerlock import backends
from layerlock.models import fixed_positions, neighbour_rotation
from layerlock.models.interpolation import interpolation
from layerlock.models.numerics import at_least_float32
from layerlock.models.patches import check_sizes
from layerlock.models.rope import (
    check_wavelength,
    head_frequencies,
    head_part,
    rotation,
)

KINDS = (
    "rotary",
    "rotary_qk",
    "learned",
    "sincos",
    "none",
    # Those of released encoders.
    *neighbour_rotation.KINDS,
    *fixed_positions.KINDS,
)
WITHOUT_POSITION_GRID = ("sincos", "sincos_flat", "none")


def check_kind(kind: str, position_grid=None):
    """Raises unless `kind` is one of `KINDS`, and may have such a grid."""
    if kind not in KINDS:
        raise ValueError(
            f"Unknown positions {kind!r}. Expected one of {list(KINDS)}."
        )
    if position_grid is not None and kind in WITHOUT_POSITION_GRID:
        raise ValueError(
            f"`position_grid` cannot be used with {kind!r} positions. "
            f"Received: position_grid={tuple(position_grid)}. Leave it out."
        )


def check_grid(kind: str, clip_grid, position_grid=None):
    """Raises if positions need the grid of the clips, and there is none."""
    needs_grid = kind in ("learned", *fixed_positions.KINDS)
    if clip_grid is None and (position_grid or needs_grid):
        raise ValueError(
            f"{kind!r} positions need their grid. Received: clip_grid=None. "
            "Pass `clip_grid=encoder.grid()`."
        )


def positions_layer(
    kind: str, grid, dim: int, wavelength: float, dtype, position_grid=None
):
    """Returns the layer that adds learned or sin-cos positions.

    Returns `None` for every other kind.
    """
    if kind == "learned":
        return LearnedPositions(
            position_grid or grid, dim, dtype=dtype, name="learned_positions"
        )
    if kind in fixed_positions.KINDS:
        return fixed_positions.FixedPositions(
            kind,
            grid,
            dim,
            wavelength,
            position_grid,
            dtype=dtype,
            name="sincos_positions",
        )
    if kind == "sincos":
        return SinCosPositions(
            dim, wavelength, dtype=dtype, name="sincos_positions"
        )
    return None


@keras.saving.register_keras_serializable("layerlock")
class LearnedPositions(keras.layers.Layer):
    """Adds one learned vector per position of the grid.

    For another grid, the table is interpolated linearly along each axis of the
    video.

    Args:
        grid: tuple of 3 ints, patches along frames, rows and columns.
        dim: int, features of a token.

    Call arguments:
        tokens: Shape `(batch, tokens, dim)`.
        positions: int32, frame, row and column of each token. Shape
            `(batch, tokens, 3)` or `(1, tokens, 3)`.
        grid: tuple of 3 ints, the grid of `positions`. Defaults to the grid
            of the table.

    Output shape:
        Same as `tokens`.
    """

    def __init__(self, grid, dim, **kwargs):
        super().__init__(**kwargs)
        self.grid = check_sizes("grid", grid)
        self.dim = dim

    def build(self, input_shape):
        self.table = self.add_weight(
            name="table",
            shape=(*self.grid, self.dim),
            initializer=keras.initializers.RandomNormal(stddev=0.02),
        )

    def call(self, tokens, positions, grid=None):
        grid = check_sizes("grid", grid or self.grid)
        table = resize_table(backends.whole(self.table), grid)
        _, rows, columns = grid
        index = (
            positions[..., 0] * rows + positions[..., 1]
        ) * columns + positions[..., 2]
        table = ops.reshape(table, (-1, self.dim))
        return tokens + ops.take(table, index, axis=0)

    def compute_output_shape(self, tokens_shape, positions_shape):
        return tuple(tokens_shape)

    def get_config(self):
        return {**super().get_config(), "grid": self.grid, "dim": self.dim}


@keras.saving.register_keras_serializable("layerlock")
class SinCosPositions(keras.layers.Layer):
    """Adds sines and cosines of the position.

    The features are split into three equal even parts, one per axis of the
    video: a part contains the sines of
    `position * wavelength ** (-2 * j / part)`, then the cosines. Remaining
    features are unchanged.

    Reference: [Attention is all you need, Vaswani et al., 2017](
    https://arxiv.org/abs/1706.03762), Section 3.5, once per axis.

    Args:
        dim: int, features of a token, at least 6.
        wavelength: float, in patches. Defaults to `10_000.0`.

    Call arguments:
        tokens: Shape `(batch, tokens, dim)`.
        positions: int32, frame, row and column of each token. Shape
            `(batch, tokens, 3)` or `(1, tokens, 3)`.
        grid: Ignored: the formula is the same for any grid.

    Output shape:
        Same as `tokens`.
    """

    def __init__(self, dim, wavelength=10_000.0, **kwargs):
        super().__init__(**kwargs)
        self.dim = dim
        self.wavelength = check_wavelength(wavelength)
        head_part(dim)

    def call(self, tokens, positions, grid=None):
        # The tables of a rotation contain both; sines of the first half are
        # negative.
        frequencies = head_frequencies(self.dim, self.wavelength)
        cos, sin = rotation(
            positions, frequencies, at_least_float32(self.compute_dtype)
        )
        second_half = frequencies.sum(axis=0) > 0
        encoding = ops.where(second_half, cos, ops.negative(sin))
        return tokens + ops.cast(encoding, self.compute_dtype)

    def compute_output_shape(self, tokens_shape, positions_shape):
        return tuple(tokens_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "dim": self.dim,
            "wavelength": self.wavelength,
        }


def resize_table(table, grid: tuple):
    """Interpolates learned positions linearly along each axis of the video.

    Args:
        table: Shape `(frames, rows, columns, dim)`.
        grid: tuple of 3 ints, frames, rows and columns of the result.
    """
    for axis, (new, old) in enumerate(zip(grid, table.shape[:3], strict=True)):
        if new != old:
            weights = ops.convert_to_tensor(
                interpolation(old, new), dtype=table.dtype
            )
            name = "frc"[axis]
            before = "frcd".replace(name, "o")
            # `ops.tensordot` would round float64.
            table = ops.einsum(f"{name}o,{before}->frcd", weights, table)
    return table
