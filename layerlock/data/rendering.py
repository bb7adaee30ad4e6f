"""Renders procedural scenes: pixels and depth, in NumPy."""

import functools

import numpy as np

from layerlock.data import layout, outlines, randomness

EDGE = 1.5 / 32  # width of the soft edge, in widths of the image
FOG = 0.22  # share of the contrast lost per unit of depth, as a rate
FOG_GREY = 0.5
NOISE_DEVIATION = 0.01  # of white
WHITE = 255
_NOISE_STREAM = 400
_NOISE_LENGTH = 2**16  # pixels


def pixels(scene: layout.Scene, times, size: int, rng) -> np.ndarray:
    """Returns the images of a scene as uint8, shape `(times, size, size, 3)`.

    Args:
        scene: The scene.
        times: Frame number of each image. Shape `(times,)`.
        size: Height and width, in pixels.
        rng: The generator of the noise.
    """
    canvas = _background(scene.background, times, size)
    for shape in scene.shapes:
        u, v = _own_coordinates(shape, times, size)
        layer = _texture(shape, u, v)
        layer -= canvas
        layer *= _coverage(shape, u, v)[:, None]
        canvas += layer
    canvas += _noise(rng, canvas.shape)
    return _interleaved(np.clip(canvas, 0, WHITE, out=canvas).astype(np.uint8))


def depth(scene: layout.Scene, times, size: int) -> np.ndarray:
    """Returns the depth of each pixel, float32 `(times, size, size)`."""
    result = np.full(
        (len(times), size, size), scene.background.depth, np.float32
    )
    for shape in scene.shapes:
        u, v = _own_coordinates(shape, times, size)
        result[_coverage(shape, u, v) > 0.5] = shape.depth
    return result


@functools.cache
def _centres(size):
    """Returns the centres of the pixels, in [0, 1]."""
    return (np.arange(size, dtype=np.float32) + 0.5) / size


def _palette(colour, amplitudes, distance):
    """Returns the colours of the waves and of their ground, in fog.

    The channels of each wave and, last, of the plain colour; float32 of shape
    `(waves + 1, 3)`, in levels of `uint8`.
    """
    contrast = np.exp(-FOG * (distance - 1)) * WHITE
    plain = FOG_GREY * WHITE + (colour - FOG_GREY) * contrast
    return np.vstack([amplitudes * contrast, plain]).astype(np.float32)


def _background(background, times, size):
    palette = _palette(
        background.colour, background.amplitudes, background.depth
    )
    waves = len(background.vectors)
    turn = 2 * np.pi * background.vectors  # (waves, 2)
    moved = background.phases - times[:, None] * (turn @ background.drift)
    along = _centres(size)[:, None] * turn[:, None]  # (waves, pixels, 2)
    x, y = along[..., 0], moved[:, None] + along[..., 1].T
    # cos(x + y) = cos(x) cos(y) - sin(x) sin(y), summed over the waves
    rows = np.empty((len(times), 3, size, 2 * waves + 1), np.float32)
    channels = palette.T[:, None]  # (3, 1, waves + 1)
    np.multiply(np.cos(y)[:, None], channels[..., :-1], out=rows[..., :waves])
    np.multiply(np.sin(y)[:, None], channels[..., :-1], out=rows[..., waves:-1])
    rows[..., -1] = channels[..., -1]
    columns = np.vstack([np.cos(x), -np.sin(x), np.ones((1, size))])
    canvas = rows.reshape(-1, 2 * waves + 1) @ columns.astype(np.float32)
    return canvas.reshape(len(times), 3, size, size)


def _own_coordinates(shape, times, size):
    """Returns coordinates relative to a shape, `(times, rows, columns)`.

    The image wraps around: the nearest copy of the shape counts.
    """
    centre = shape.position + times[:, None] * shape.velocity  # (times, 2)
    away = _centres(size) - centre[:, :, None]
    away = (away - np.round(away)).astype(np.float32)
    x, y = away[:, 0, None, :], away[:, 1, :, None]
    cos, sin = np.float32(np.cos(shape.angle)), np.float32(np.sin(shape.angle))
    return cos * x + sin * y, cos * y - sin * x


def _coverage(shape, u, v):
    """Returns the coverage of each pixel by the shape, in [0, 1]."""
    alpha = outlines.inside(shape.shape_class, u, v, shape.radius)
    alpha *= np.float32(1 / EDGE)
    alpha += np.float32(0.5)
    return np.clip(alpha, 0, 1, out=alpha)


def _texture(shape, u, v):
    """Returns the colours of a shape, `(times, 3, rows, columns)`."""
    palette = _palette(shape.colour, shape.amplitudes, shape.depth)
    waves = outlines.texture_waves(
        shape.shape_class, u, v, shape.frequencies, shape.phases
    )
    weighed = np.stack([*waves, np.ones_like(u)], axis=1)
    colours = palette.T @ weighed.reshape(*weighed.shape[:2], -1)
    return colours.reshape(len(u), 3, *u.shape[1:])


def _noise(rng, shape):
    """Returns noise in levels, plus 0.5 for rounding.

    Rows are random windows of one long row that all clips share: sampling
    every pixel would take longer than the rest of the rendering.
    """
    rows = _rows_of_noise(shape[-1])
    return rows[rng.integers(len(rows), size=shape[:-1])]


@functools.cache
def _rows_of_noise(size):
    rng = randomness.generator(0, _NOISE_STREAM)
    row = rng.standard_normal(_NOISE_LENGTH + size, np.float32)
    row = row * np.float32(NOISE_DEVIATION * WHITE) + np.float32(0.5)
    return np.lib.stride_tricks.sliding_window_view(row, size)


def _interleaved(planes):
    """Moves channels to the end: `(times, rows, columns, 3)`."""
    times, channels, height, width = planes.shape
    images = np.empty((times, height, width, channels), planes.dtype)
    for channel in range(channels):  # three times as fast as a transposed copy
        images[..., channel] = planes[:, channel]
    return images
