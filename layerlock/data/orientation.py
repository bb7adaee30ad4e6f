"""Turns and mirrors frames as players show them."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Orientation:
    """How a stored frame becomes the upright one.

    Attributes:
        turns: int, counter-clockwise quarter turns, 0 to 3.
        mirrored: bool, whether left and right are exchanged before them.
    """

    turns: int = 0
    mirrored: bool = False

    def upright(self, image: np.ndarray) -> np.ndarray:
        """Returns the upright image, as a view of `(height, width, ...)`."""
        return np.rot90(image[:, ::-1] if self.mirrored else image, self.turns)

    def exchanged(self, sides: tuple) -> tuple:
        """Returns height and width, exchanged by odd quarter turns."""
        return tuple(sides)[::-1] if self.turns % 2 else tuple(sides)


def of_frame(frame) -> Orientation:
    """Returns the orientation in the display matrix of a frame.

    The matrix maps column `x` and row `y` of the stored frame to column `a * x
    + c * y` and row `b * x + d * y` of the upright one. Angles between quarter
    turns, and scales, are rounded to quarter turns.
    """
    try:
        matrix = _side_data(frame).get("DISPLAYMATRIX")
    except ValueError:  # side data that PyAV cannot read
        return Orientation(round(frame.rotation / 90) % 4)
    if matrix is None:
        return Orientation()
    # 3x3, 16.16 fixed point: a b u, c d v, x y w.
    a, b, _, c, d = np.frombuffer(matrix, "<i4")[:5].astype(float)
    mirrored = a * d < b * c
    if mirrored:  # the frame is mirrored first, so that a rotation is left
        a, b = -a, -b
    angle = np.arctan2(c - b, a + d)
    return Orientation(round(angle / (np.pi / 2)) % 4, mirrored)


def _side_data(frame):
    """The side data of a frame, also with kinds that PyAV does not know.

    PyAV 18 has no name for EXIF data, and then refuses all of it.
    """
    try:
        return frame.side_data
    except ValueError:
        from av.sidedata import sidedata

        sidedata.Type._missing_ = classmethod(_unknown_kind)
        return frame.side_data


def _unknown_kind(kinds, value):
    """A member of an enumeration that has none of this value."""
    found = object.__new__(kinds)
    found._name_, found._value_ = f"UNKNOWN_{value}", value
    return found


def shown_size(frame, orient, stream) -> tuple[int, int]:
    """Returns height and width of the upright frame, with square pixels."""
    aspect = float(stream.sample_aspect_ratio or 1)
    sides = (frame.height, max(1, round(frame.width * aspect)))
    return orient.exchanged(sides)
