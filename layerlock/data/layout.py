"""Random layouts of procedural scenes."""

import dataclasses
import math

import numpy as np

from layerlock.data import outlines

MOTION_NAMES = (
    "right",
    "down right",
    "down",
    "down left",
    "left",
    "up left",
    "up",
    "up right",
)

# Lengths are in widths of the image, times in frames, depths in units of the
# minimum depth of a shape.
NEAR_DEPTH = (1.0, 1.6)
MIDDLE_DEPTH = (2.0, 3.2)
FAR_DEPTH = (4.0, 6.0)
RADIUS_AT_DEPTH_1 = 0.29
SPEED_AT_DEPTH_1 = 0.1
MAX_DRIFT = 0.15 / 16
MAX_TILT = np.deg2rad(10)
MOTION_SPREAD = 0.2  # radians around the direction of the class
NUM_WAVES = 4
MAX_WAVE_CONTRAST = 0.12  # of each of the background's waves, per channel
TEXTURE_CONTRAST = 0.5  # of each of a shape's waves, over the channels
TEXTURE_FREQUENCIES = (3.5, 5.5)  # cycles per image
MIN_COLOUR_DISTANCE = 0.4  # of a shape from the background
# Wave vectors of the background, in cycles per image: all that are at most 2
# along an axis, one of each pair of opposites.
WAVE_VECTORS = np.array(
    [(x, y) for x in range(3) for y in range(-2, 3) if x > 0 or y > 0]
)


@dataclasses.dataclass(frozen=True)
class Background:
    """Periodic gratings that drift."""

    depth: float
    drift: np.ndarray  # (2,) x and y, per frame
    vectors: np.ndarray  # (waves, 2) cycles per image
    phases: np.ndarray  # (waves,)
    colour: np.ndarray  # (3,) in [0, 1]
    amplitudes: np.ndarray  # (waves, 3)


@dataclasses.dataclass(frozen=True)
class Shape:
    """A textured shape that moves; its texture moves with it."""

    shape_class: int
    depth: float
    radius: float
    angle: float
    position: np.ndarray  # (2,) x and y at frame 0
    velocity: np.ndarray  # (2,) per frame
    colour: np.ndarray  # (3,) in [0, 1]
    amplitudes: np.ndarray  # (2, 3)
    frequencies: np.ndarray  # (2,) cycles per image
    phases: np.ndarray  # (2,)


@dataclasses.dataclass(frozen=True)
class Scene:
    """A background and two shapes, the nearer one last."""

    background: Background
    shapes: tuple[Shape, Shape]
    motion: int


def draw(rng: np.random.Generator) -> Scene:
    """Samples a scene.

    The scene moves as if the camera moved: all shapes move over the background
        in the same direction, and slower with depth. Class, direction, colour,
        position, phase and depth are
    independent of each other, and positions are uniform on an image that
    wraps around.
    """
    motion = int(rng.integers(len(MOTION_NAMES)))
    direction = motion * np.pi / 4 + rng.uniform(-MOTION_SPREAD, MOTION_SPREAD)
    heading = np.array([np.cos(direction), np.sin(direction)])
    background = _draw_background(rng)
    shapes = tuple(
        _draw_shape(rng, rng.uniform(*depths), background, heading)
        for depths in (MIDDLE_DEPTH, NEAR_DEPTH)
    )
    return Scene(background, shapes, motion)


def _draw_background(rng):
    drift_angle = rng.uniform(0, 2 * np.pi)
    drift = np.array([np.cos(drift_angle), np.sin(drift_angle)])
    waves = rng.permutation(len(WAVE_VECTORS))[:NUM_WAVES]
    return Background(
        depth=rng.uniform(*FAR_DEPTH),
        drift=drift * rng.uniform(0, MAX_DRIFT),
        vectors=WAVE_VECTORS[waves],
        phases=rng.uniform(0, 2 * np.pi, NUM_WAVES),
        colour=rng.uniform(0.3, 0.7, 3),
        amplitudes=rng.uniform(
            -MAX_WAVE_CONTRAST, MAX_WAVE_CONTRAST, (NUM_WAVES, 3)
        ),
    )


def _draw_shape(rng, depth, background, heading):
    amplitudes = rng.normal(size=(2, 3))
    amplitudes /= np.linalg.norm(amplitudes, axis=1, keepdims=True)
    return Shape(
        shape_class=int(rng.integers(len(outlines.CLASS_NAMES))),
        depth=depth,
        radius=RADIUS_AT_DEPTH_1 / np.sqrt(depth) * rng.uniform(0.95, 1.05),
        angle=rng.uniform(-MAX_TILT, MAX_TILT),
        position=rng.uniform(0, 1, 2),
        velocity=background.drift + heading * (SPEED_AT_DEPTH_1 / depth),
        colour=_draw_colour(rng, background.colour),
        amplitudes=TEXTURE_CONTRAST * amplitudes,
        frequencies=rng.uniform(*TEXTURE_FREQUENCIES, 2),
        phases=rng.uniform(0, 2 * np.pi, 2),
    )


def _draw_colour(rng, background):
    """Samples a colour that differs from the background's."""
    while True:
        colour = rng.uniform(0.1, 0.9, 3)
        if math.dist(colour, background) > MIN_COLOUR_DISTANCE:
            return colour
