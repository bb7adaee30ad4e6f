"""The sin-cos positions of V-JEPA and VideoMAE, which are added to tokens."""

import keras
import numpy as np
from keras import ops

from layerlock import backends
from layerlock.models.interpolation import interpolation
from layerlock.models.numerics import at_least_float32
from layerlock.models.patches import check_sizes
from layerlock.models.rope import check_wavelength

KINDS = ("sincos_uniform", "sincos_half_time", "sincos_flat")


@keras.saving.register_keras_serializable("layerlock")
class FixedPositions(keras.layers.Layer):
    """Adds sines and cosines of the position, as a released encoder does.

    - `"sincos_uniform"`: three equal even parts of the features, rounded up,
      for frame, row and column; the last part is cut. A part contains the
      sines of `position * wavelength ** (-2 * j / part)`, then the cosines.
    - `"sincos_half_time"`: the same with half of the features for the frame,
      a quarter for the row and a quarter for the column.
    - `"sincos_flat"`: sines and cosines take turns, and the position is the
      number of the token in the grid.

    References: the first two are those of [V-JEPA, Bardes et al., 2024](
    https://arxiv.org/abs/2404.08471), with and without `uniform_power`; the
    last is that of [VideoMAE, Tong et al., 2022](
    https://arxiv.org/abs/2203.12602).

    Args:
        kind: str, see above.
        grid: tuple of 3 ints, the grid of tokens without a grid of their own.
        dim: int, features of a token, a multiple of 4.
        wavelength: float, in patches. Defaults to `10_000.0`.
        position_grid: tuple of 3 ints, the grid that the formula is for;
            values at another grid are interpolated linearly along each axis.
            Defaults to `None`: the formula is for every grid.

    Call arguments:
        tokens: Shape `(batch, tokens, dim)`.
        positions: int32, frame, row and column of each token. Shape
            `(batch, tokens, 3)` or `(1, tokens, 3)`.
        grid: tuple of 3 ints, the grid of `positions`. Defaults to the
            argument of the constructor.

    Output shape:
        Same as `tokens`.

    Example:

    >>> layer = FixedPositions("sincos_half_time", (2, 2, 2), 8)
    >>> at_origin = np.zeros((1, 1, 3), "int32")
    >>> added = layer(np.zeros((1, 1, 8), "float32"), at_origin)
    >>> ops.convert_to_numpy(added)[0, 0].tolist()
    [0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 1.0]
    """

    def __init__(
        self,
        kind,
        grid,
        dim,
        wavelength=10_000.0,
        position_grid=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if dim % 4:
            raise ValueError(
                f"{kind!r} positions need a multiple of 4 features. Received: "
                f"{dim}."
            )
        self.kind = kind
        self.grid = check_sizes("grid", grid)
        self.dim = dim
        self.wavelength = check_wavelength(wavelength)
        self.position_grid = position_grid and tuple(position_grid)

    def call(self, tokens, positions, grid=None):
        grid = check_sizes("grid", grid or self.grid)
        axes = [positions[..., axis] for axis in range(3)]
        if self.kind == "sincos_flat":
            encoding = self._of_numbers(axes, grid)
        else:
            tables = axis_tables(
                self.kind, grid, self.dim, self.wavelength, self.position_grid
            )
            encoding = ops.concatenate(
                [
                    ops.take(self._constant(table), index, axis=0)
                    for table, index in zip(tables, axes, strict=True)
                ],
                axis=-1,
            )
        return tokens + ops.cast(encoding, self.compute_dtype)

    def _of_numbers(self, axes, grid):
        """Sines and cosines of numbers of tokens, from those of each axis.

        In float32, the angle of token 10,000 is off by 0.001. That of a sum
        of three angles, whose sines are computed in float64, is not.
        """
        turns = self.wavelength ** (-2 * (np.arange(self.dim) // 2) / self.dim)
        strides = (grid[1] * grid[2], grid[2], 1)
        cos, sin = 1.0, 0.0
        for index, size, stride in zip(axes, grid, strides, strict=True):
            angles = stride * np.arange(size)[:, None] * turns
            c, s = (
                ops.take(self._constant(function(angles)), index, axis=0)
                for function in (np.cos, np.sin)
            )
            cos, sin = c * cos - s * sin, s * cos + c * sin
        return ops.where(np.arange(self.dim) % 2 == 0, sin, cos)

    def _constant(self, values):
        return backends.constant(values, at_least_float32(self.compute_dtype))

    def compute_output_shape(self, tokens_shape, positions_shape):
        return tuple(tokens_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "kind": self.kind,
            "grid": self.grid,
            "dim": self.dim,
            "wavelength": self.wavelength,
            "position_grid": self.position_grid,
        }


def axis_tables(
    kind: str, grid, dim: int, wavelength=10_000.0, position_grid=None
) -> list[np.ndarray]:
    """Returns the values of each axis, to be placed beside each other.

    Args:
        kind: str, a kind whose features belong to one axis each.
        grid, dim, wavelength, position_grid: as for `FixedPositions`.

    Returns:
        Three float64 arrays `(positions, features)`.

    Example:

    >>> tables = axis_tables("sincos_uniform", (2, 3, 4), 16)
    >>> [table.shape for table in tables]
    [(2, 6), (3, 6), (4, 4)]
    """
    if kind == "sincos_half_time":
        parts = (dim // 2, dim // 4, dim // 4)
    else:
        parts = (2 * -(-dim // 6),) * 3
    tables, left = [], dim
    for axis, (size, part) in enumerate(zip(grid, parts, strict=True)):
        end = size if position_grid is None else position_grid[axis]
        turns = wavelength ** (-2 * np.arange(part // 2) / part)
        angles = np.arange(end)[:, None] * turns
        table = np.concatenate([np.sin(angles), np.cos(angles)], axis=1)
        tables.append((interpolation(end, size) @ table)[:, :left])
        left -= tables[-1].shape[1]
    return tables
