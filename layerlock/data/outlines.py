"""Outlines and textures of the shapes in procedural scenes."""

import numpy as np

TEXTURES = ("striped", "checked")


def _disc(u, v, radius):
    return radius - np.hypot(u, v)


def _square(u, v, radius):
    half = radius * np.sqrt(np.pi) / 2
    return half - np.maximum(np.abs(u), np.abs(v))


def _triangle(u, v, radius):
    inner = radius * np.sqrt(np.pi / np.sqrt(27))
    return inner - np.maximum(v, np.abs(u) * (np.sqrt(3) / 2) - v / 2)


def _cross(u, v, radius):
    length = radius * np.sqrt(np.pi * 9 / 20)
    u, v = np.abs(u), np.abs(v)
    long, short = np.maximum(u, v), np.minimum(u, v)
    return np.minimum(length - long, length / 3 - short)


_OUTLINES = {
    "disc": _disc,
    "square": _square,
    "triangle": _triangle,
    "cross": _cross,
}

CLASS_NAMES = tuple(
    f"{texture} {outline}" for outline in _OUTLINES for texture in TEXTURES
)

# Maximum distance of an outline from its centre, in radii.
REACH = 1.56


def inside(shape_class: int, u, v, radius: float):
    """Returns the distance of points inside an outline; negative if outside.

    All outlines with one `radius` have the same area, so that the number of
    pixels is independent of the class.

    Args:
        shape_class: Index into `CLASS_NAMES`.
        u: Coordinate along the shape's own first axis. Any shape.
        v: Coordinate along its second axis. Same shape as `u`.
        radius: Radius of the disc of equal area, in the units of `u`.
    """
    outline = tuple(_OUTLINES.values())[shape_class // len(TEXTURES)]
    return outline(u, v, np.float32(radius))


def texture_waves(shape_class: int, u, v, frequencies, phases):
    """Returns the two gratings of a texture, each in [-1, 1].

    Stripes are two gratings along one axis, checks one along each axis. With
    the same frequencies, single pixels have the same distribution.

    Args:
        shape_class: Index into `CLASS_NAMES`.
        u: Coordinate along the shape's own first axis. Any shape.
        v: Coordinate along its second axis. Same shape as `u`.
        frequencies: Two floats, in cycles per unit of `u`.
        phases: Two floats, in radians.
    """
    striped = TEXTURES[shape_class % len(TEXTURES)] == "striped"
    first, second = np.float32(2 * np.pi) * np.float32(frequencies)
    return (
        np.sin(u * first + np.float32(phases[0])),
        np.sin((u if striped else v) * second + np.float32(phases[1])),
    )
