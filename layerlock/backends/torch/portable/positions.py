"""Positions of tokens in plain PyTorch, for any grid of patches.

Exports copy this file as it is: it imports nothing but PyTorch. Nothing is
stored in buffers, so that a traced program computes it for each size of clips.
"""

import torch
from torch import nn
from torch.nn import functional

NEIGHBOURS = ("rotary_tiled", "rotary_interleaved")
_TOKEN_FRACTIONS = (0.10, 0.25, 0.25)  # of the features: time, row, column


class LearnedPositions(nn.Module):
    """A learned vector per position, interpolated linearly for other grids."""

    def __init__(self, grid, dim):
        super().__init__()
        self.table = nn.Parameter(torch.zeros(*grid, dim))

    def forward(self, grid):
        table = self.table
        for axis, new in enumerate(grid):
            old = self.table.shape[axis]
            weights = _interpolation(old, new, table.device).to(table.dtype)
            table = torch.tensordot(weights, table, dims=([1], [axis]))
            table = table.movedim(0, axis)
        return table.reshape(-1, table.shape[-1])


def fixed_positions(kind, grid, dim, wavelength, position_grid, device):
    """Computes sin-cos positions: float64 `(tokens, dim)`.

    Args:
        kind: str, a kind of `VideoEncoder` that starts with `"sincos"`.
        grid: patches along frames, rows and columns.
        dim: int, features of a token.
        wavelength: float, in patches.
        position_grid: 3 ints, the grid that the formula is for, or `None`.
        device: of the result.
    """
    if kind == "sincos_flat":
        t, r, c = grid
        numbers = torch.arange(t * r * c, device=device).to(torch.float64)
        feature = torch.arange(dim, device=device)
        exponents = (feature // 2 * 2).to(torch.float64) / dim
        angles = numbers[:, None] * float(wavelength) ** -exponents
        return torch.where(feature % 2 == 0, angles.sin(), angles.cos())
    tables, left = [], dim
    for axis, part in enumerate(_parts(kind, dim)):
        size = grid[axis]
        end = size if position_grid is None else position_grid[axis]
        turns = _geometric(part // 2, wavelength, device)
        angles = torch.arange(end, device=device)[:, None] * turns
        table = torch.cat([angles.sin(), angles.cos()], dim=1)
        if position_grid is not None:
            weights = _interpolation(end, size, device)
            table = weights.to(torch.float64) @ table
        shape = [1, 1, 1, -1]
        shape[axis] = size
        table = table[:, :left]
        left -= table.shape[1]
        tables.append(table.reshape(shape).expand(*grid, -1))
    table = torch.cat(tables, dim=-1).reshape(-1, dim - left)
    return functional.pad(table, (0, left))


def _parts(kind, dim):
    """Features of frame, row and column."""
    if kind == "sincos_half_time":
        return dim // 2, dim // 4, dim // 4
    if kind == "sincos_uniform":
        return (2 * -(-dim // 6),) * 3
    return (2 * (dim // 6),) * 3


def rotation_tables(kind, grid, dim, heads, wavelength, position_grid, device):
    """Computes the tables of a rotation.

    Args:
        kind: str, a kind of positions of `VideoEncoder`.
        heads: int, attention heads.
        grid, dim, wavelength, position_grid, device: as for `fixed_positions`.

    Returns:
        Cosines and signed sines, float32 `(tokens, features)`, of a token for
        `"rotary"` and of a head for other kinds; `None` without a rotation.
    """
    if kind == "rotary":
        turns = _token_turns(dim, wavelength, device)
    elif kind == "rotary_qk":
        turns = _head_turns(dim // heads, wavelength, device)
    elif kind in NEIGHBOURS:
        is_tiled = kind == "rotary_tiled"
        turns = _neighbour_turns(dim // heads, wavelength, is_tiled, device)
    else:
        return None
    if position_grid is not None:
        turns = torch.stack([turns[0], *_stretched(turns, grid, position_grid)])
    turns = turns.to(torch.float32)
    axes = [torch.arange(size, device=device) for size in grid]
    # No matmul: accelerators may compute it in lower precision.
    angle = sum(
        place.reshape(-1, 1).to(torch.float32) * turn
        for place, turn in zip(
            torch.meshgrid(*axes, indexing="ij"), turns, strict=True
        )
    )
    return angle.cos(), angle.sin()


def rotate(x, cos, sin, part):
    """Rotates the planes of features that are `part / 2` apart.

    With `part=None`, the planes are pairs of neighbours.
    """
    if part is None:
        rotated = x.shape[-1] // 2 * 2
        turned = x[..., :rotated].unflatten(-1, (-1, 2)).flip(-1)
    else:
        parts = x.shape[-1] // part
        rotated = parts * part
        turned = x[..., :rotated].unflatten(-1, (parts, part))
        turned = turned.roll(part // 2, dims=-1)
    swapped = torch.cat([turned.flatten(-2), x[..., rotated:]], dim=-1)
    return x * cos + swapped * sin


def _stretched(turns, grid, position_grid):
    """Turns of row and column, so that a grid ends where another ends."""
    for axis in (1, 2):
        steps = max(grid[axis] - 1, 1)
        yield turns[axis] * ((position_grid[axis] - 1) / steps)


def _token_turns(dim, wavelength, device):
    """Radians per patch of each feature of a token: `(3, dim)`."""
    axes, start = [], 0
    for fraction in _TOKEN_FRACTIONS:
        planes = round(fraction * dim / 2)
        turn = _geometric(planes, wavelength, device)
        axes.append(functional.pad(turn, (start, dim // 2 - start - planes)))
        start += planes
    turns = torch.stack(axes)
    return torch.cat([-turns, turns], dim=1)


def _head_turns(dim, wavelength, device):
    """Radians per patch of each feature of a head: `(3, dim)`."""
    turn = _geometric(dim // 6, wavelength, device)
    return _per_axis(torch.cat([-turn, turn]), dim)


def _neighbour_turns(dim, wavelength, is_tiled, device):
    """The same where neighbours form a plane."""
    turn = _geometric(dim // 6, wavelength, device)
    turn = turn.repeat(2) if is_tiled else turn.repeat_interleave(2)
    sign = torch.arange(len(turn), device=device) % 2 * 2 - 1
    return _per_axis(turn * sign, dim)


def _per_axis(turn, dim):
    part = len(turn)
    return torch.stack(
        [
            functional.pad(turn, (part * axis, dim - part * (axis + 1)))
            for axis in range(3)
        ]
    )


def _geometric(count, wavelength, device):
    exponents = torch.arange(count, dtype=torch.float64, device=device)
    return float(wavelength) ** (-exponents / max(count, 1))


def _interpolation(old, new, device):
    """Weights of a linear interpolation: float32 `(new, old)`."""
    places = (torch.arange(new, device=device) + 0.5) * old / new - 0.5
    places = places.clamp(0, old - 1)[:, None]
    knots = torch.arange(old, device=device)
    return (1.0 - (places - knots).abs()).clamp(min=0.0)
