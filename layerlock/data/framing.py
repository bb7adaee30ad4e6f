"""Chooses the times and the crop of a clip."""

import dataclasses

import numpy as np

from layerlock.data import segments
from layerlock.data.source import check_geometry
from layerlock.data.streams import Facts

SAMPLINGS = ("rate", "whole")
_DEFAULT_FPS = 8.0


@dataclasses.dataclass(frozen=True)
class View:
    """The times and the crop of a clip.

    Attributes:
        times: seconds, ascending. Shape `(frames,)`.
        box: top, left, height and width, as shares of the upright frame.
        mirrored: bool, whether left and right are exchanged.
    """

    times: np.ndarray
    box: tuple[float, float, float, float]
    mirrored: bool = False


@dataclasses.dataclass(frozen=True)
class Framing:
    """Chooses clips of a video: random, central or evenly spaced.

    Args:
        frames: int, of a clip.
        size: int, height and width of a clip, in pixels.
        fps: frames per second of a clip. Defaults to `None`: 8, or the rate of
            the video if it is lower.
        scale: minimum and maximum area of a random crop, as a share of the
            frame. Defaults to `(0.3, 1.0)`.
        aspect: minimum and maximum aspect ratio (width over height) of a
            random crop. Defaults to `(0.75, 4 / 3)`.
        flip: share of random clips that are mirrored. Defaults to `0.5`.
        sampling: `"rate"`, a part of the video at `fps`; or `"whole"`, a frame
            of each of `frames` equal segments, see `segments`. Defaults to
            `"rate"`.
    """

    frames: int
    size: int
    fps: float | None = None
    scale: tuple[float, float] = (0.3, 1.0)
    aspect: tuple[float, float] = (0.75, 4 / 3)
    flip: float = 0.5
    sampling: str = "rate"

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
        if self.sampling not in SAMPLINGS:
            raise ValueError(
                f"Unknown `sampling`: {self.sampling!r}. Expected one of "
                f"{list(SAMPLINGS)}."
            )
        if self.sampling == "whole" and self.fps is not None:
            raise ValueError(
                "`fps` is the rate of `sampling=rate`; `sampling=whole` "
                "spreads the frames over the whole video. Received: "
                f"fps={self.fps}, sampling=whole. Leave out `fps`, or pass "
                "`sampling=rate`."
            )

    def random_view(self, facts: Facts, rng, span=None) -> View:
        """Returns a view with random times, a random crop and mirroring.

        Args:
            facts: of the video.
            rng: a `numpy.random.Generator`.
            span: first and last second of the range. Defaults to `None`: the
                whole video.
        """
        start, area, aspect, top, left, flip = rng.random(6)
        low, high = np.log(self.aspect)
        height, width = _box_size(
            facts,
            self.scale[0] + area * (self.scale[1] - self.scale[0]),
            np.exp(low + aspect * (high - low)),
        )
        box = (top * (1 - height), left * (1 - width), height, width)
        if self.sampling == "whole":
            times = segments.drawn(facts, rng.random(self.frames), span)
        else:
            times = self._times(facts, start, span)
        return View(times, box, flip < self.flip)

    def central_view(self, facts: Facts, span=None) -> View:
        """Returns the middle of a video, with the largest central square."""
        return self.spread(facts, 1, 1, span)[0]

    def spread(self, facts: Facts, clips: int, crops: int, span=None) -> list:
        """Returns evenly spaced clips of a video, each with several crops.

        Clips of the whole video are shifted by equal parts of a segment: one
        has the centres of the segments, and two have their starts and their
        centres, as VideoMAE's test on Something-Something v2.

        Args:
            facts: of the video.
            clips: int, number of times.
            crops: int, number of largest squares along the longer side.
            span: see `random_view`.
        """
        shorter = min(facts.height, facts.width)
        height, width = shorter / facts.height, shorter / facts.width
        return [
            View(
                self._spread_times(facts, clip, clips, span),
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

    def is_short(self, facts: Facts) -> bool:
        """Whether a video has too few frames, so that a clip repeats some."""
        if self.sampling == "whole":
            return segments.num_frames(facts) < self.frames
        shown = facts.duration - facts.begin - 1 / facts.fps
        return shown < self.length(facts) - 0.25 / facts.fps

    def length(self, facts: Facts) -> float:
        """Returns the seconds between the ends of a clip at a rate."""
        return (self.frames - 1) / self._rate(facts)

    def _spread_times(self, facts, clip, clips, span):
        """Returns the times of clip `clip` of `clips`."""
        if self.sampling == "rate":
            return self._times(facts, _share(clip, clips), span)
        shift = (clip + clips % 2 / 2) / clips
        return segments.shifted(facts, self.frames, shift, span)

    def _times(self, facts, share, span=None):
        """Returns the times of a clip, `share` of the way through the span.

        The last clip ends with the last frame. A clip begins with a frame, so
        that one at the video's own rate has every frame once.
        """
        first, last = span or (facts.begin, facts.duration)
        first = min(max(first, facts.begin), last)
        end = min(last, facts.duration) - 1 / facts.fps  # of the last frame
        room = max(0.0, end - first - self.length(facts))
        start = first + room * share - facts.begin
        frame = facts.begin + round(start * facts.fps) / facts.fps
        return max(first, frame) + np.arange(self.frames) / self._rate(facts)

    def _rate(self, facts) -> float:
        return self.fps or min(_DEFAULT_FPS, facts.fps)


def _share(number: int, count: int) -> float:
    """Returns position `number` of `count` in [0, 1]; 0.5 if there is one."""
    return 0.5 if count == 1 else number / (count - 1)


def _box_size(facts, area: float, aspect: float):
    """Returns height and width of a crop, as shares of the frame's."""
    pixels = area * facts.height * facts.width
    height = np.sqrt(pixels / aspect) / facts.height
    width = np.sqrt(pixels * aspect) / facts.width
    too_large = max(1.0, height, width)
    return float(height / too_large), float(width / too_large)
