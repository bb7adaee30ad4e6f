"""Times of a clip that spans a video: one in each of equal segments.

This is the sampling of temporal segment networks: a video is cut into as many
equal segments as a clip has frames. If it has as many frames as the clip, each
is read once; if it has fewer, all are read and some repeated.

A time is the middle of a frame, where rounded time stamps do no harm. Spans
and segments have the frames whose middle they contain.

Reference: [Wang et al., 2016](https://arxiv.org/abs/1608.00859).
"""

import numpy as np

from layerlock.data.streams import Facts

_ROUNDING = 1e-9  # frames, since places are products of floats


def shifted(
    facts: Facts, frames: int, shift: float = 0.5, span=None
) -> np.ndarray:
    """Returns the times of the frames at one place of all segments.

    Args:
        facts: of the video.
        frames: int, of a clip.
        shift: the place in a segment, as a share of its length: 0 is its
            start. Below 1. Defaults to `0.5`, its centre.
        span: first and last second. Defaults to `None`: the whole video.

    Returns:
        Seconds, ascending. Shape `(frames,)`.

    Example:

    >>> facts = Facts(duration=8.0, fps=1.0, width=4, height=4, rotation=0)
    >>> shifted(facts, 4).tolist()
    [1.5, 3.5, 5.5, 7.5]
    """
    count = num_frames(facts, span)
    places = (np.arange(frames) + shift) * (count / frames) + _ROUNDING
    return _middles(facts, np.minimum(np.floor(places), count - 1), span)


def drawn(facts: Facts, draws, span=None) -> np.ndarray:
    """Returns the time of a random frame of each segment.

    No frame is read twice, unless the video has fewer than the clip.

    Args:
        facts: of the video.
        draws: random numbers in [0, 1), one for each frame of the clip.
        span: see `shifted`.

    Returns:
        Seconds, ascending. Shape `(frames,)`.
    """
    count, frames = num_frames(facts, span), len(draws)
    if count < frames:  # a frame might be left out
        return shifted(facts, frames, span=span)
    ends = np.arange(frames + 1) * (count / frames)
    firsts = np.ceil(ends - 0.5 - _ROUNDING)
    numbers = firsts[:-1] + np.floor(draws * np.diff(firsts))
    return _middles(facts, numbers, span)


def num_frames(facts: Facts, span=None) -> int:
    """Returns how many frames a video has, by its duration and its rate."""
    first, last = _numbers(facts, span)
    return last - first


def _middles(facts, numbers, span):
    """Returns the times of frames, of which the first in the span is 0."""
    first, last = _numbers(facts, span)
    if first == last:  # a span inside of one frame
        return np.full(len(numbers), sum(_seconds(facts, span)) / 2)
    return facts.begin + (first + numbers + 0.5) / facts.fps


def _numbers(facts, span) -> tuple[int, int]:
    """Returns the numbers of the first frame and of that after the last."""
    first, last = (
        round((second - facts.begin) * facts.fps)
        for second in _seconds(facts, span)
    )
    return first, last


def _seconds(facts, span) -> tuple[float, float]:
    """Returns the part of a span that has frames to read."""
    first, last = span or (facts.begin, facts.duration)
    last = min(last, facts.duration)
    return min(max(first, facts.begin), last), last
