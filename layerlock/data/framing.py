"""Which times and which part of the frame a clip is made of."""

import dataclasses

import numpy as np

from layerlock.data.source import check_geometry
from layerlock.data.streams import Facts

_DEFAULT_FPS = 8.0


@dataclasses.dataclass(frozen=True)
class View:
    """What is read of a video.

    Attributes:
        times: seconds, ascending. Shape `(frames,)`.
        box: top, left, height and width, as shares of the upright frame.
        mirrored: bool, left and right exchanged.
    """

    times: np.ndarray
    box: tuple[float, float, float, float]
    mirrored: bool = False


@dataclasses.dataclass(frozen=True)
class Framing:
    """Chooses clips of a video: drawn, in the middle, or spread over it.

    Args:
        frames: int, of a clip.
        size: int, height and width of a clip, in pixels.
        fps: frames per second of a clip, `None` for 8, or the video's own
            where those are fewer. Defaults to `None`.
        scale: smallest and largest share of the frame's area that a drawn
            crop has. Defaults to `(0.3, 1.0)`.
        aspect: smallest and largest quotient of its width and height.
            Defaults to `(0.75, 4 / 3)`.
        flip: share of drawn clips that are mirrored. Defaults to `0.5`.
    """

    frames: int
    size: int
    fps: float | None = None
    scale: tuple[float, float] = (0.3, 1.0)
    aspect: tuple[float, float] = (0.75, 4 / 3)
    flip: float = 0.5

    def __post_init__(self):
        check_geometry(self.frames, self.size)
        if self.fps is not None and not self.fps > 0:
            raise ValueError(
                f"`fps` must be above 0, or `None`. Received: fps={self.fps}."
            )
        if not 0 < self.scale[0] <= self.scale[1] <= 1:
            raise ValueError(
                "`scale` must be two shares of the frame's area, ascending, "
                f"above 0 and at most 1. Received: scale={self.scale}."
            )
        if not 0 < self.aspect[0] <= self.aspect[1]:
            raise ValueError(
                "`aspect` must be two quotients, ascending and above 0. "
                f"Received: aspect={self.aspect}."
            )
        if not 0 <= self.flip <= 1:
            raise ValueError(
                "`flip` must be a share from 0 to 1. "
                f"Received: flip={self.flip}."
            )

    def random_view(self, facts: Facts, rng, span=None) -> View:
        """Draws a clip: a time, a part of the frame, and whether mirrored.

        Args:
            facts: of the video.
            rng: a `numpy.random.Generator`.
            span: first and last second to choose from. Defaults to `None`:
                the whole video.
        """
        start, area, aspect, top, left, flip = rng.random(6)
        low, high = np.log(self.aspect)
        height, width = _box_size(
            facts,
            self.scale[0] + area * (self.scale[1] - self.scale[0]),
            np.exp(low + aspect * (high - low)),
        )
        box = (top * (1 - height), left * (1 - width), height, width)
        return View(self._times(facts, start, span), box, flip < self.flip)

    def central_view(self, facts: Facts, span=None) -> View:
        """The middle of a video and the largest square at its centre."""
        return self.spaced_views(facts, 1, 1, span)[0]

    def spaced_views(
        self, facts: Facts, clips: int, crops: int, span=None
    ) -> list:
        """Clips spread evenly over a video, each cropped in several places.

        Args:
            facts: of the video.
            clips: int, times.
            crops: int, largest squares along the longer side.
            span: see `drawn`.
        """
        shorter = min(facts.height, facts.width)
        height, width = shorter / facts.height, shorter / facts.width
        return [
            View(
                self._times(facts, _share(clip, clips), span),
                (
                    _share(crop, crops) * (1 - height),
                    _share(crop, crops) * (1 - width),
                    height,
                    width,
                ),
            )
            for clip in range(clips)
            for crop in range(crops)
        ]

    def length(self, facts: Facts) -> float:
        """Returns the seconds between a clip's first and last frame."""
        return (self.frames - 1) / self._rate(facts)

    def _times(self, facts, share, span=None):
        first, last = span or (0.0, facts.duration)
        room = max(0.0, min(last, facts.duration) - first - self.length(facts))
        return first + room * share + np.arange(self.frames) / self._rate(facts)

    def _rate(self, facts) -> float:
        return self.fps or min(_DEFAULT_FPS, facts.fps)


def _share(number: int, count: int) -> float:
    """Places from 0 to 1 with both ends; the middle where there is one."""
    return 0.5 if count == 1 else number / (count - 1)


def _box_size(facts, area: float, aspect: float):
    """Returns height and width of a crop, as shares of the frame's."""
    pixels = area * facts.height * facts.width
    height = np.sqrt(pixels / aspect) / facts.height
    width = np.sqrt(pixels * aspect) / facts.width
    too_large = max(1.0, height, width)
    return float(height / too_large), float(width / too_large)
