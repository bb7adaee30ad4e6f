"""Draws procedural scenes: pixels and depth, in NumPy."""

import numpy as np

from layerlock.data import layout, outlines

EDGE = 1.5 / 32  # width of the soft edge, in widths of the image
FOG = 0.22  # share of the contrast lost per unit of depth, as a rate
FOG_GREY = 0.5
NOISE = 0.01


def pixels(scene: layout.Scene, times, size: int, rng) -> np.ndarray:
    """Returns the images of a scene as uint8, shape `(times, size, size, 3)`.

    Args:
        scene: What to draw.
        times: Frame number of each image. Shape `(times,)`.
        size: Height and width, in pixels.
        rng: The generator that draws the noise.
    """
    canvas = _background(scene.background, times, size)
    for shape in scene.shapes:
        u, v = _own_coordinates(shape, times, size)
        alpha = _coverage(shape, u, v)[:, None]
        canvas += alpha * (_texture(shape, u, v) - canvas)
    canvas *= 255
    canvas += 0.5  # rounds to the nearest level
    canvas += rng.standard_normal(canvas.shape, np.float32) * (NOISE * 255)
    np.clip(canvas, 0, 255, out=canvas)
    return np.ascontiguousarray(canvas.astype(np.uint8).transpose(0, 2, 3, 1))


def depth(scene: layout.Scene, times, size: int) -> np.ndarray:
    """Returns the depth of what is seen, float32 `(times, size, size)`."""
    result = np.full(
        (len(times), size, size), scene.background.depth, np.float32
    )
    for shape in scene.shapes:
        u, v = _own_coordinates(shape, times, size)
        result[_coverage(shape, u, v) > 0.5] = shape.depth
    return result


def _centres(size):
    """Returns where the middles of the pixels lie, in [0, 1]."""
    return (np.arange(size, dtype=np.float32) + 0.5) / size


def _in_fog(colour, amplitudes, distance):
    """Returns colour and amplitudes as seen through the fog."""
    contrast = np.exp(-FOG * (distance - 1))
    colour = FOG_GREY + (colour - FOG_GREY) * contrast
    return colour.astype(np.float32), (amplitudes * contrast).astype(np.float32)


def _background(background, times, size):
    colour, amplitudes = _in_fog(
        background.colour, background.amplitudes, background.depth
    )
    turn = 2 * np.pi * background.vectors  # (waves, 2)
    along = _centres(size)[:, None] * turn[:, None].astype(np.float32)[..., :]
    rows, columns = np.exp(1j * along[..., 1]), np.exp(1j * along[..., 0])
    waves = (rows[:, :, None] * columns[:, None, :]).reshape(len(turn), -1)
    moved = background.phases - np.outer(times, turn @ background.drift)
    # cos(a + b) = cos(a) cos(b) - sin(a) sin(b), summed over the waves
    weights = np.concatenate(
        [
            np.cos(moved)[:, None] * amplitudes.T,
            -np.sin(moved)[:, None] * amplitudes.T,
        ],
        axis=-1,
    )  # (times, 3, 2 * waves)
    basis = np.concatenate([waves.real, waves.imag])  # (2 * waves, pixels)
    canvas = weights.reshape(-1, 2 * len(turn)).astype(np.float32) @ basis
    canvas = canvas.reshape(len(times), 3, size, size)
    canvas += colour[:, None, None]
    return canvas


def _own_coordinates(shape, times, size):
    """Returns the pixels' places seen from a shape, `(times, rows, columns)`.

    The image wraps around: every pixel sees the copy that is nearest.
    """
    place = shape.position + np.outer(times, shape.velocity)  # (times, 2)
    away = _centres(size) - place[:, :, None]
    away = (away - np.round(away)).astype(np.float32)
    x, y = away[:, 0, None, :], away[:, 1, :, None]
    cos, sin = np.float32(np.cos(shape.angle)), np.float32(np.sin(shape.angle))
    return cos * x + sin * y, cos * y - sin * x


def _coverage(shape, u, v):
    """Returns how much of each pixel the shape covers, in [0, 1]."""
    alpha = outlines.inside(shape.shape_class, u, v, shape.radius)
    alpha *= np.float32(1 / EDGE)
    alpha += np.float32(0.5)
    return np.clip(alpha, 0, 1, out=alpha)


def _texture(shape, u, v):
    """Returns the colours of a shape, `(times, 3, rows, columns)`."""
    colour, amplitudes = _in_fog(shape.colour, shape.amplitudes, shape.depth)
    first, second = outlines.texture_waves(
        shape.shape_class, u, v, shape.frequencies, shape.phases
    )
    result = first[:, None] * amplitudes[0][:, None, None]
    result += second[:, None] * amplitudes[1][:, None, None]
    result += colour[:, None, None]
    return result
